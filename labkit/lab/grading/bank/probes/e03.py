"""Exercise 03: one contract, two payloads."""

import copy
from typing import Any

from labkit.lab.grading.observe import Code


def message(code: Code, case: Any) -> Any:
    """The text that both providers get."""
    lines = [tuple(line) for line in case["lines"]]
    return code.user_message(lines, dict(case["facts"]), case["question"])


def openai(code: Code, case: Any) -> Any:
    """The payload for a chat completion."""
    return code.openai_body(**copy.deepcopy(case))


def anthropic(code: Code, case: Any) -> Any:
    """The payload for a message."""
    return code.anthropic_body(**copy.deepcopy(case))


def reads_openai(code: Code, case: Any) -> Any:
    """What is made of a chat completion."""
    return code.read_openai(copy.deepcopy(case["body"]))


def reads_anthropic(code: Code, case: Any) -> Any:
    """What is made of a message."""
    return code.read_anthropic(copy.deepcopy(case["body"]))


PROBES = {
    "message": message,
    "openai": openai,
    "anthropic": anthropic,
    "reads_openai": reads_openai,
    "reads_anthropic": reads_anthropic,
}
