"""Call records: what they count, and what they never hold."""

from __future__ import annotations

import json
from dataclasses import fields

from scripted import GOOD, World, completion, error

from labkit.failures import Kind
from labkit.lab.case import EVIDENCE, QUESTION, TASK
from labkit.providers import Fault
from labkit.records import Attempt, CallRecord, total_usage
from labkit.usage import Usage


def test_the_fields_of_the_lesson() -> None:
    """A row starts with the eight that the lesson names, whatever else it carries."""
    record = CallRecord(
        trace_id="trace_acct_10234_01",
        task="decide_rotation",
        model="practice-1",
        prompt_version="rotation_decision@2",
        latency_ms=840,
        status=Kind.OK,
        usage=Usage(input_tokens=921, output_tokens=84),
    )
    assert {
        "trace_id": "trace_acct_10234_01",
        "task": "decide_rotation",
        "model": "practice-1",
        "prompt_version": "rotation_decision@2",
        "latency_ms": 840,
        "input_tokens": 921,
        "output_tokens": 84,
        "status": "ok",
    } == dict(list(record.as_row().items())[:8])


def test_a_row_is_json() -> None:
    """Any sink can write it."""
    world = World([error(429, "rate_limit_exceeded"), completion()])
    row = world.boundary().call(TASK, EVIDENCE).record.as_row()
    assert row == json.loads(json.dumps(row))
    assert ["rate_limited", "ok"] == [attempt["kind"] for attempt in row["attempts"]]


def test_no_text_of_anyone() -> None:
    """Neither the question, nor the answer, nor the provider's message is in a record, on any path."""
    for reply in (completion(), completion(GOOD.replace("eligible", "Ottoline")), error(400, "x")):
        record = World([reply]).boundary().call(TASK, EVIDENCE).record
        shown = repr(record) + json.dumps(record.as_row())
        assert QUESTION not in shown
        assert "not for us" not in shown
        assert "Ottoline" not in shown


def test_every_field_of_an_attempt_reaches_its_row() -> None:
    """A field that is added later cannot be forgotten; usage is spelled out as counts."""
    attempt = Attempt(1, 0.0, 1.0, "ok", Kind.OK)
    wanted = {item.name for item in fields(Attempt)} - {"usage"} | {"input_tokens", "output_tokens"}
    assert wanted == set(attempt.as_row())


def test_failed_attempts_are_counted_too() -> None:
    """Every attempt that reported usage is in the sum; a timeout that may have been billed is a gap."""
    attempts = (
        Attempt(1, 0.0, 1.0, "failed", Kind.TIMEOUT),
        Attempt(2, 0.0, 1.0, "failed", Kind.RATE_LIMITED, http_status=429),
        Attempt(3, 0.0, 1.0, "failed", Kind.PROTOCOL, http_status=200),
        Attempt(
            4, 0.0, 1.0, "failed", Kind.INVALID_OUTPUT, http_status=200, usage=Usage(10, output_tokens=1)
        ),
        Attempt(5, 0.0, 1.0, "ok", Kind.OK, http_status=200, usage=Usage(20, output_tokens=2)),
    )
    assert (Usage(30, output_tokens=3), 2) == total_usage(attempts)


def test_unknown_is_not_zero() -> None:
    """No report, no number."""
    record = World([Fault(Kind.TIMEOUT, "read")]).boundary().call(TASK, EVIDENCE).record
    assert (None, None, 3) == (record.input_tokens, record.output_tokens, record.unreported_attempts)
