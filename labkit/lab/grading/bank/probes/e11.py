"""Exercise 11: what may be written down."""

import builtins
import re
from typing import Any

from labkit.lab.grading.observe import Code


def fingerprint(code: Code, case: Any) -> Any:
    """A keyed fingerprint."""
    return code.fingerprint(case["text"], case["key"])


def purpose(code: Code, case: Any) -> Any:
    """A fingerprint for one purpose."""
    return code.fingerprint_for(case["purpose"], case["text"], case["master_key"])


def clean(code: Code, case: Any) -> Any:
    """What is left of an event."""
    return code.clean(dict(case["event"]), {name: rule(told) for name, told in case["rules"].items()})


def rule(told: Any) -> Any:
    """A rule as the learner gets it: the type int, a set of words, or a pattern."""
    if told == "int":
        return int
    return frozenset(told) if isinstance(told, list) else re.compile(told)


def error(code: Code, case: Any) -> Any:
    """The names of an error and its causes, the outermost first."""
    cause = None
    for name, text in reversed(case["errors"]):
        outer = getattr(builtins, name)(text)
        outer.__cause__ = cause
        cause = outer
    return code.error_types(cause)


PROBES = {"fingerprint": fingerprint, "purpose": purpose, "clean": clean, "error": error}
