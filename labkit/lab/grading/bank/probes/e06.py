"""Exercise 06: sort failures by status and kind."""

from typing import Any

from labkit.lab.grading.observe import Code


def advice(code: Code, case: Any) -> Any:
    """What to do about one failure."""
    return code.advice(case["status"], case["kind"])


def attempts(code: Code, case: Any) -> Any:
    """How many requests go out before the loop ends, and how it ends."""
    left = list(case["replies"])
    sent = 0

    def send() -> tuple[int, str | None]:
        nonlocal sent
        sent += 1
        status, kind = left.pop(0) if left else (200, None)
        return status, kind

    last = code.call_with_retries(send, max_retries=case["max_retries"])
    return [sent, last]


def reads_the_body(code: Code, case: Any) -> Any:
    """The kind that an error body names."""
    return code.kind_of(case["body"])


PROBES = {"advice": advice, "attempts": attempts, "kind": reads_the_body}
