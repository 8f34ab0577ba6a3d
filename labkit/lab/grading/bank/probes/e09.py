"""Exercise 09: two gates."""

import copy
from typing import Any

from labkit.lab.grading.observe import Code


def state(code: Code, case: Any) -> Any:
    """What is made of a reply before its text is read."""
    return code.state_of(dict(case["reply"]))


def reading(code: Code, case: Any) -> Any:
    """What is read from a text."""
    try:
        return code.read_json(case["text"])
    except ValueError:  # a JSONDecodeError is one, too
        return "ValueError"


def shape(code: Code, case: Any) -> Any:
    """Which fields are said to have the wrong form."""
    return code.shape_faults(copy.deepcopy(case["data"]))


def rules(code: Code, case: Any) -> Any:
    """Which rules are said to be broken."""
    return code.broken_rules(copy.deepcopy(case["answer"]), copy.deepcopy(case["evidence"]))


PROBES = {"state": state, "reading": reading, "shape": shape, "rules": rules}
