"""Call records for tests of what is done with them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from labkit.failures import Kind
from labkit.records import Attempt, CallRecord
from labkit.usage import Usage


def make_record(number: int = 1, **changes: Any) -> CallRecord:
    """A call that was rate limited once, waited half a second and then answered."""
    usage = Usage(input_tokens=700, cache_read_tokens=221, output_tokens=84, reasoning_tokens=20)
    limited = Attempt(
        1, 0.0, 12.5, "failed", Kind.RATE_LIMITED, "http_429", 429, "openai", "practice-1", "req_a1"
    )
    answered = Attempt(
        number=2,
        started_ms=512.5,
        latency_ms=327.5,
        status="ok",
        kind=Kind.OK,
        http_status=200,
        provider="openai",
        model="practice-1",
        request_id="req_a2",
        ceiling_s=1.0,
        delay_s=0.5,
        usage=usage,
        finish_reason="stop",
    )
    given: dict[str, Any] = {
        "trace_id": f"trace_{number}",
        "task": "decide_rotation",
        "model": "practice-1",
        "prompt_version": "rotation_decision@2",
        "latency_ms": 840.0,
        "status": Kind.OK,
        "provider": "openai",
        "response_model": "practice-1",
        "response_id": "chatcmpl-1",
        "finish_reason": "stop",
        "attempts": (limited, answered),
        "usage": usage,
        "cost": Decimal("0.00194820"),
        "rate_card": "illustrative-2026-01@sha256:0123456789ab",
        "at": 1_795_000_000.25,
    }
    return CallRecord(**(given | changes))


def make_failure(number: int = 1, **changes: Any) -> CallRecord:
    """A call that timed out: it may have been billed, and nobody knows for how many tokens."""
    late = Attempt(1, 0.0, 1.0, "failed", Kind.TIMEOUT, "deadline", None, "openai", "practice-1")
    given: dict[str, Any] = {
        "latency_ms": 1.0,
        "status": Kind.TIMEOUT,
        "reason": "deadline",
        "response_model": None,
        "response_id": None,
        "finish_reason": None,
        "attempts": (late,),
        "usage": None,
        "unreported_attempts": 1,
        "cost": None,
    }
    return make_record(number, **(given | changes))
