"""Every fault of the practice provider, over a real socket, in each wire format and through both faces."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from labkit.backoff import Backoff
from labkit.boundary import AsyncBoundary, Boundary
from labkit.contracts import Outcome
from labkit.flow import Policy
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.provider import FAULTS, Provider, practice
from labkit.prompts import Models
from labkit.providers import ADAPTERS
from labkit.records import CallRecord

GRACE_MS = 50.0  # how far a call may overrun its deadline
TRIES = 5  # a busy machine delays one of them; a call without a deadline overruns in all
SHORT, LONG = 0.4, 5.0  # seconds: a deadline that a timing fault meets, and one that nothing else may meet
RETRIES = 2
MODEL = "practice-1"

# fault: (status of the call, requests that are sent: 1 ends at once, 3 uses up the retries)
ENDS = {
    "rate_limit": ("rate_limited", 3),
    "rate_limit_after": ("rate_limited", 1),  # one second does not fit into the deadline
    "rate_limit_after_date": ("rate_limited", 1),
    "rate_limit_after_ms": ("rate_limited", 2),  # 250 ms fit once
    "rate_limit_after_zero": ("rate_limited", 3),
    "rate_limit_after_huge": ("rate_limited", 1),
    "rate_limit_after_garbage": ("rate_limited", 3),
    "slow_down": ("rate_limited", 3),
    "quota": ("quota_exhausted", 1),
    "credit_balance": ("quota_exhausted", 1),
    "org_spend_limit": ("quota_exhausted", 1),
    "enforced_spend_limit": ("quota_exhausted", 1),
    "contract_spend_limit": ("quota_exhausted", 1),
    "ramp_limit": ("rate_limited", 3),
    "unknown_429": ("rate_limited", 2),
    "bad_key": ("auth", 1),
    "forbidden": ("permission", 1),
    "not_found": ("not_found", 1),
    "content_policy": ("refused", 1),
    "bad_request": ("bad_request", 1),
    "server_error": ("provider_error", 3),
    "bad_gateway": ("provider_error", 3),
    "unavailable": ("provider_error", 3),
    "gateway_timeout": ("provider_error", 3),
    "overloaded": ("overloaded", 3),
    "should_retry_false": ("provider_error", 1),
    "should_retry_true": ("bad_request", 1),
    "status": ("provider_error", 3),
    "html_200": ("protocol_error", 3),
    "invalid_json": ("protocol_error", 3),
    "empty_body": ("protocol_error", 3),
    "empty_object": ("protocol_error", 3),
    "not_an_object": ("protocol_error", 3),
    "slow_first_byte": ("timeout", 1),
    "drip": ("timeout", 1),
    "pace": ("ok", 1),
    "silence": ("timeout", 1),
    "reset_before": ("connect", 3),
    "reset_before_body": ("connect", 3),
    "reset_during_body": ("connect", 3),
    "reset_after_body": ("connect", 3),  # all of it is there, but its end is not marked
    "reset_idle": ("ok", 1),
    "answer_twice": ("ok", 1),
    "close_before": ("connect", 3),
    "truncated": ("protocol_error", 3),
    "truncated_chunked": ("protocol_error", 3),
    "window_90": ("unsupported_decision", 1),
    "wrong_citation": ("unsupported_decision", 1),
    "no_citation": ("unsupported_decision", 1),
    "not_eligible": ("unsupported_decision", 1),
    "not_specified": ("ok", 1),  # cites P-7 and 30: an abstention that the line supports
    "unknown_decision": ("invalid_output", 1),
    "string_window": ("invalid_output", 1),
    "missing_field": ("invalid_output", 1),
    "extra_field": ("invalid_output", 1),
    "prose": ("invalid_output", 1),
    "code_fence": ("invalid_output", 1),
    "trailing_text": ("invalid_output", 1),
    "bom": ("invalid_output", 1),
    "duplicate_keys": ("invalid_output", 1),
    "nan": ("invalid_output", 1),
    "huge_integer": ("invalid_output", 1),
    "deep_nesting": ("invalid_output", 1),
    "half_json": ("invalid_output", 1),
    "refusal": ("refused", 1),
    "length": ("incomplete", 1),
    "content_filter": ("refused", 1),
    "empty_content": ("invalid_output", 1),
    "no_usage": ("ok", 1),
    "unknown_finish": ("incomplete", 1),
}
# Where the wire format itself tells less, or says it in other words.
IN_OTHER_WORDS = {
    ("deep_nesting", "anthropic"): "protocol_error",  # the answer is part of the envelope
    ("content_policy", "anthropic"): "bad_request",  # an invalid_request_error like any other
}
IN_TIME = {
    "rate_limit_after",
    "rate_limit_after_date",
    "rate_limit_after_ms",
    "slow_first_byte",
    "drip",
    "silence",
}
ELSEWHERE = {"stream", "action", "job"}  # tested with the streams, the rotation service and the batches
OTHER_TASKS = {
    "claims_action",
    "other_account",
    "tool_other_account",
    "tool_unknown",
    "tool_bad_json",
    "tool_injected",
}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with practice() as running:
        yield running


def options(records: list[CallRecord]) -> dict[str, Any]:
    return {"policy": Policy(Models(MODEL), backoff=Backoff(0.01, 0.02)), "sinks": [records.append]}


def call_sync(name: str, provider: Provider, task: Any, records: list[CallRecord]) -> Outcome[Any]:
    with Boundary.open(name, provider.base_url, provider.key, model=MODEL, **options(records)) as boundary:
        return boundary.call(task, EVIDENCE)


def call_async(name: str, provider: Provider, task: Any, records: list[CallRecord]) -> Outcome[Any]:
    async def run() -> Outcome[Any]:
        opened = AsyncBoundary.open(name, provider.base_url, provider.key, model=MODEL, **options(records))
        async with opened as boundary:
            return await boundary.call(task, EVIDENCE)

    return asyncio.run(run())


def test_every_fault_has_its_end_here() -> None:
    """A fault that is added to the provider must say how a call ends under it."""
    assert {name for name, spec in FAULTS.items() if spec.where not in ELSEWHERE} - OTHER_TASKS == set(ENDS)


@pytest.mark.parametrize("face", [call_sync, call_async], ids=["sync", "async"])
@pytest.mark.parametrize("name", sorted(ADAPTERS))
@pytest.mark.parametrize("fault", ENDS)
def test_a_call_under_a_fault_ends_as_it_should(fault: str, name: str, face: Any, provider: Provider) -> None:
    """Its name, one record, in time, and as many attempts as the provider counted requests."""
    deadline = SHORT if fault in IN_TIME else LONG
    task = replace(TASK, timeout_seconds=deadline, max_retries=RETRIES)
    for _ in range(TRIES):
        provider.reset()
        provider.chances({fault: 1.0})
        records: list[CallRecord] = []
        outcome = face(name, provider, task, records)
        if outcome.record.latency_ms <= deadline * 1000 + GRACE_MS:
            break
    status, requests = ENDS[fault]
    assert IN_OTHER_WORDS.get((fault, name), status) == outcome.record.status
    assert [outcome.record] == records
    sent = 1 + RETRIES if outcome.record.status == "protocol_error" else requests
    assert sent == provider.count == len(outcome.record.attempts)
    assert outcome.record.latency_ms <= deadline * 1000 + GRACE_MS


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_a_429_and_then_the_decision(name: str, provider: Provider) -> None:
    """The call of the course: a rate limit, a wait, a validated decision, two attempts in the record."""
    provider.reset()
    provider.script(["429", "ok"])
    records: list[CallRecord] = []
    outcome = call_sync(name, provider, TASK, records)
    assert ("eligible", 30, ("P-7",)) == tuple(outcome.unwrap().model_dump().values())
    assert ["rate_limited", "ok"] == [attempt.kind for attempt in outcome.record.attempts]
    assert all(attempt.request_id for attempt in outcome.record.attempts)
    assert outcome.record.input_tokens
