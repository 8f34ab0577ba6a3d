"""Exercise 10: a stream, its draft, and an action that waits."""

import json
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from labkit.lab.grading.observe import Code


def events(code: Code, case: Any) -> Any:
    """What each chunk completes. Another reader is half-way through its own stream."""
    code.Events().feed(b"data: of another stream")
    raw, reader = case["text"].encode(), code.Events()
    bounds = [0, *case["cuts"], len(raw)]
    return [reader.feed(raw[start:end]) for start, end in pairwise(bounds)]


def _step(one: Any, step: str) -> None:
    if step == "end":
        one.end()
    elif step == "cancel":
        one.cancel()
    else:
        one.take(step)


def draft(code: Code, case: Any) -> Any:
    """State and text at first, and after each step."""
    one = code.Draft()
    seen = [(one.state, one.text)]
    for step in case["steps"]:
        _step(one, step)
        seen.append((one.state, one.text))
    return seen


def tokens(code: Code, case: Any) -> Any:
    """What is known of the tokens in the end."""
    one = code.Draft()
    for step in case["steps"]:
        _step(one, step)
    return one.output_tokens


def settle(code: Code, case: Any) -> Any:
    """What is said, validated and done as a draft grows."""
    validated: list[str] = []
    acted: list[Any] = []

    def validate(text: str) -> Any:
        validated.append(text)
        decision = json.loads(text)
        if decision["days"] not in case["allowed"]:
            raise ValueError("unsupported window")
        return decision

    said = [
        code.settle(SimpleNamespace(state=state, text=text), validate, acted.append)
        for state, text in case["drafts"]
    ]
    return {"said": said, "validated": validated, "acted": acted}


PROBES = {"events": events, "draft": draft, "tokens": tokens, "settle": settle}
