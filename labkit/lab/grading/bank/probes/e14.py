"""Exercise 14: repair four functions of the bad handler."""

from typing import Any

from labkit.lab.grading.fakes import FakeClock, Script
from labkit.lab.grading.observe import Code


def acts(code: Code, case: Any) -> Any:
    """Whether the app may act on an answer."""
    return code.may_act(dict(case["answer"]), dict(case["lines"]))


def creates(code: Code, case: Any) -> Any:
    """The keys that reached the service, and what came back."""
    create = Script(case["replies"])
    job = code.create_job(create, case["account_id"], case["line_id"], case["tries"])
    return [[key for (key,) in create.asked], job]


def logs(code: Code, case: Any) -> Any:
    """What is logged of an event; the order of the fields is free."""
    entry = code.log_entry(dict(case["event"]))
    return dict(sorted(entry.items())) if isinstance(entry, dict) else entry


def asks(code: Code, case: Any) -> Any:
    """The limit of each attempt, and how the call ended."""
    clock = FakeClock()
    replies = [tuple(reply) for reply in case["replies"]]
    limits: list[Any] = []

    def send(limit: Any) -> tuple[str, Any]:
        limits.append(limit)
        takes, kind, value = replies[min(len(limits), len(replies)) - 1]
        clock.advance(min(takes, limit))
        return ("timeout", None) if takes > limit else (kind, value)

    ended = code.ask(send, case["seconds"], case["max_retries"], clock)
    return [limits, dict(sorted(ended.items())) if isinstance(ended, dict) else ended]


PROBES = {"acts": acts, "creates": creates, "logs": logs, "asks": asks}
