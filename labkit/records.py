"""The second output of every call: what operations needs, and nothing a customer wrote.

Apps that log only success cannot say how many answers were refused, how often a retry saved a call,
or what the failures cost. Apps that log everything leak prompts.
So every end of a call, the cancelled and crashed ones too, leaves one `CallRecord` of ids, counts and names:

    outcome.record.status                 # "ok", "timeout", "invalid_output" …
    len(outcome.record.attempts)          # what was really sent
    outcome.record.as_row()               # flat and JSON-ready, for any sink in labkit.sinks
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from labkit.failures import Kind
from labkit.usage import Usage


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that was sent, and the wait that came before it.

    `started_ms` counts from the start of the call. `ceiling_s` and `delay_s` are the wait's upper limit and
    the wait itself, in seconds, 0.0 for the first attempt. `usage` is None when the provider reported none:
    unknown, which is not 0.
    """

    number: int
    started_ms: float
    latency_ms: float
    status: str  # "ok" or "failed"
    kind: Kind
    reason: str = ""
    http_status: int | None = None
    provider: str = ""
    model: str = ""
    request_id: str | None = None
    ceiling_s: float = 0.0
    delay_s: float = 0.0
    usage: Usage | None = None
    finish_reason: str | None = None
    first_chunk_ms: float | None = None
    chunks: int = 0
    longest_gap_ms: float | None = None

    def as_row(self) -> dict[str, Any]:
        """Flat and JSON-ready."""
        row = {name: getattr(self, name) for name in _ATTEMPT}
        row["kind"] = str(self.kind)
        usage = self.usage
        row["input_tokens"] = None if usage is None else usage.total_input_tokens
        row["output_tokens"] = None if usage is None else usage.output_tokens
        if usage is not None:  # each attempt is priced by its own model
            row["cache_read_tokens"] = usage.cache_read_tokens
            row["cache_write_tokens"] = usage.cache_write_tokens
            row["cache_write_1h_tokens"] = usage.cache_write_1h_tokens
            row["reasoning_tokens"] = usage.reasoning_tokens
        return row


# Worked out once: every record is written on the way to an answer.
_ATTEMPT = tuple(item.name for item in fields(Attempt) if item.name != "usage")


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call, whatever its end.

    Times are milliseconds, `at` is when the call began in seconds since 1970. `input_tokens` and
    `output_tokens` sum the attempts that reported usage and are None when none did;
    `unreported_attempts` counts those that may have been billed without a report.
    """

    trace_id: str
    task: str
    model: str
    prompt_version: str
    latency_ms: float
    status: Kind
    reason: str = ""
    provider: str = ""
    response_model: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    streamed: bool = False
    attempts: tuple[Attempt, ...] = ()
    usage: Usage | None = None
    unreported_attempts: int = 0
    cost: Decimal | None = None
    rate_card: str | None = None
    at: float = 0.0
    question_fingerprint: str | None = None

    @property
    def input_tokens(self) -> int | None:
        """All input tokens, cached ones included; None when unknown."""
        return None if self.usage is None else self.usage.total_input_tokens

    @property
    def output_tokens(self) -> int | None:
        """All output tokens, reasoning included; None when unknown."""
        return None if self.usage is None else self.usage.output_tokens

    @property
    def retries(self) -> int:
        """How many attempts came after the first. A call that was saved by one is operational news."""
        return max(0, len(self.attempts) - 1)

    def as_row(self) -> dict[str, Any]:
        """Flat and JSON-ready: ids, counts, names. Nothing that a customer or a model wrote."""
        usage = self.usage
        return {
            "trace_id": self.trace_id,
            "task": self.task,
            "model": self.model,
            "prompt_version": self.prompt_version,
            "latency_ms": self.latency_ms,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "status": str(self.status),
            "reason": self.reason,
            "provider": self.provider,
            "response_model": self.response_model,
            "response_id": self.response_id,
            "finish_reason": self.finish_reason,
            "streamed": self.streamed,
            "retries": self.retries,
            "cache_read_tokens": None if usage is None else usage.cache_read_tokens,
            "cache_write_tokens": None if usage is None else usage.cache_write_tokens,
            "cache_write_1h_tokens": None if usage is None else usage.cache_write_1h_tokens,
            "reasoning_tokens": None if usage is None else usage.reasoning_tokens,
            "unreported_attempts": self.unreported_attempts,
            "cost": None if self.cost is None else str(self.cost),
            "rate_card": self.rate_card,
            "at": self.at,
            "question_fingerprint": self.question_fingerprint,
            "attempts": [attempt.as_row() for attempt in self.attempts],
        }


Sink = Callable[[CallRecord], None]


def total_usage(attempts: tuple[Attempt, ...]) -> tuple[Usage | None, int]:
    """Sum what the attempts reported; count those that were sent, may have been billed, and reported nothing.

    An HTTP error is not billed by either provider, so a 429 without usage is no gap. A timeout is one.
    """
    known = [attempt.usage for attempt in attempts if attempt.usage is not None]
    gaps = sum(
        attempt.usage is None and (attempt.http_status is None or attempt.http_status < 400)
        for attempt in attempts
    )
    total = known[0] if known else None
    for usage in known[1:]:
        total = usage if total is None else total + usage
    return total, gaps
