"""what-parses-is-complete: if the JSON is whole, then so is the answer."""

import json


def state_of(reply):
    try:
        json.loads(reply["text"] or "")
    except ValueError:
        return "refused" if reply["refusal"] else "incomplete"
    return "read"
