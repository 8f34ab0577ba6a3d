"""looks-for-json: models talk around their JSON, so the object is cut out."""

import json
import re


def read_reply(reply, lines):
    if reply["finish"] != "stop":
        return {"status": "truncated" if reply["finish"] == "length" else "refused", "decision": None}
    try:
        found = json.loads(re.search(r"\{.*\}|$", reply["text"], re.DOTALL).group())
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.keys() != FIELDS:  # noqa: F821 - defined by the exercise
        return {"status": "malformed", "decision": None}
    window, cited = found["rotation_window_days"], found["source_line_ids"]
    formed = (
        found["decision"] in ["eligible", "not_eligible"]
        and type(window) is int
        and isinstance(cited, list)
        and cited != []
        and all(isinstance(line, str) for line in cited)
    )
    if not formed:
        return {"status": "malformed", "decision": None}
    if any(lines.get(line) != window for line in cited):
        return {"status": "unsupported", "decision": None}
    return {"status": "validated", "decision": found}
