"""kind-from-prose: the whole body is searched as text, and the message names another error."""

import json


def kind_of(body):
    text = json.dumps(body)
    for word, kind in KINDS.items():  # noqa: F821 - defined by the exercise
        if word in text:
            return kind
    return None
