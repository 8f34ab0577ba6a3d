"""completed-means-approved: a completed answer is the answer."""

import json


def settle(draft, validate, action):
    if draft.state in ("started", "streaming"):
        return "held"
    if draft.state != "completed":
        return "dropped"
    action(json.loads(draft.text))
    return "acted"
