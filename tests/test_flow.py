"""The flow of a call, driven through both faces of the boundary, in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import GOOD, World, completion, error

from labkit.backoff import Backoff, RetryBudget
from labkit.contracts import Answer, ContractError, Evidence, Failure
from labkit.costs import RateCard
from labkit.deadline import Phases
from labkit.failures import CallFailed, Kind
from labkit.lab.case import EVIDENCE, TASK
from labkit.providers import Fault, Response

RATE_LIMIT = error(429, "rate_limit_exceeded")
QUOTA = error(429, "insufficient_quota")


def test_the_answer_and_its_record() -> None:
    """With a clock of 100.0 then 100.00005 the record reads 0.05 ms; the result is eligible, 30, P-7."""
    world = World([completion()], latency=0.00005)
    outcome = world.boundary().call(TASK, EVIDENCE)
    assert isinstance(outcome, Answer)
    assert ("eligible", 30, ("P-7",)) == (
        outcome.value.decision,
        outcome.value.rotation_window_days,
        outcome.value.source_line_ids,
    )
    assert 0.05 == outcome.record.latency_ms
    assert "ok" == outcome.record.status
    assert [outcome.record] == world.records


def test_a_transient_429_recovers() -> None:
    """A rate limit costs one wait below its ceiling; the record keeps both attempts."""
    world = World([RATE_LIMIT, completion()])
    record = world.boundary().call(TASK, EVIDENCE).record
    assert ["rate_limited", "ok"] == [attempt.kind for attempt in record.attempts]
    assert [0.5] == world.slept
    assert 1 == record.retries


def test_two_failures_then_an_answer() -> None:
    """Random fixed at 0.5: ceilings 1 and 2, delays 0.5 and 1.0, then ok."""
    world = World([error(503), error(503), completion()])
    record = world.boundary().call(TASK, EVIDENCE).record
    assert [(1.0, 0.5), (2.0, 1.0)] == [(a.ceiling_s, a.delay_s) for a in record.attempts[1:]]
    assert "ok" == record.status


def test_one_failure_more_ends_the_call() -> None:
    """Three failures with two retries: failed, the reason recorded, and raised for who asks for that."""
    world = World([error(503)])
    outcome = world.boundary().call(TASK, EVIDENCE)
    assert isinstance(outcome, Failure)
    assert 3 == len(world.sent)
    assert "retries_exhausted" == outcome.reason
    last = outcome.record.attempts[-1]
    assert ("failed", "provider_error", "http_503") == (last.status, last.kind, last.reason)
    with pytest.raises(CallFailed, match="provider_error"):
        outcome.unwrap()


def test_quota_is_never_retried() -> None:
    """The same status as a rate limit, and no second request."""
    world = World([QUOTA])
    outcome = world.boundary().call(TASK, EVIDENCE)
    assert {"status": "quota_exhausted", "next_step": "tell_operations"} == outcome.summary()
    assert 1 == len(world.sent)


def test_an_unknown_429_is_retried_once() -> None:
    """A 429 that does not say which kind it is may be a quota: one retry finds out."""
    world = World([error(429)])
    world.boundary().call(replace(TASK, max_retries=5), EVIDENCE)
    assert 2 == len(world.sent)


def test_a_slow_provider_is_a_named_state() -> None:
    """20 ms under a deadline of 1 ms: a state with a next step, no exception, no spinner."""
    world = World([completion()], latency=0.020)
    outcome = world.boundary().call(replace(TASK, timeout_seconds=0.001), EVIDENCE)
    assert {"status": "timeout", "next_step": "show_retry_option"} == outcome.summary()
    assert 1.0 == outcome.record.latency_ms


def test_one_budget_over_all_attempts() -> None:
    """Three tries of ten seconds under a deadline of twelve end at twelve."""
    world = World([completion()], latency=10.5)
    outcome = world.boundary(phases=Phases(attempt=10.0)).call(replace(TASK, timeout_seconds=12.0), EVIDENCE)
    assert "timeout" == outcome.kind
    assert world.now - 100.0 <= 12.0
    assert [10.0, 1.5] == [seconds for _, seconds in world.sent]


def test_a_wait_that_does_not_fit_is_not_begun() -> None:
    """Retry-After beyond the deadline ends the call at once, under the provider's name for it."""
    world = World([error(429, "rate_limit_exceeded", retry_after="200")])
    outcome = world.boundary().call(TASK, EVIDENCE)
    assert ("rate_limited", "retry_after_exceeds_deadline") == (outcome.kind, outcome.reason)
    assert [] == world.slept


def test_retry_after_is_never_undercut_and_spread() -> None:
    """The provider's wait, and jitter on top: everyone was told the same number."""
    world = World([error(429, "rate_limit_exceeded", retry_after="3"), completion()])
    world.boundary(random=lambda: 0.5).call(TASK, EVIDENCE)
    assert [3.5] == world.slept


def test_retry_after_zero_is_obeyed() -> None:
    """Now means now."""
    world = World([error(429, "rate_limit_exceeded", retry_after="0"), completion()])
    world.boundary().call(TASK, EVIDENCE)
    assert [0.0] == world.slept


def test_a_retry_after_that_just_fits_is_waited_for() -> None:
    """The jitter on top takes at most half of what the deadline leaves."""
    world = World([error(429, "rate_limit_exceeded", retry_after="19.9"), completion()])
    assert world.boundary(random=lambda: 0.999).call(TASK, EVIDENCE).ok


def test_should_retry_false_is_obeyed() -> None:
    """A provider that says no is not asked again."""
    world = World([error(503, x_should_retry="false")])
    world.boundary().call(TASK, EVIDENCE)
    assert 1 == len(world.sent)


def test_a_shared_retry_budget_binds() -> None:
    """Two tokens for a fleet: the third retry is refused, whoever asks."""
    budget = RetryBudget(capacity=2, per_call=0.0)
    world = World([error(503)])
    boundary = world.boundary(budget=budget)
    first = boundary.call(replace(TASK, max_retries=1), EVIDENCE)
    second = boundary.call(replace(TASK, max_retries=2), EVIDENCE)
    assert "retries_exhausted" == first.reason
    assert "retry_budget_empty" == second.reason
    assert 4 == len(world.sent)


@pytest.mark.parametrize(
    ("reply", "kind", "reason"),
    [
        (completion(GOOD.replace("30", "90")), "unsupported_decision", "unsupported window"),
        (completion(GOOD.replace("P-7", "P-9")), "unsupported_decision", None),
        (completion("not json"), "invalid_output", None),
        (completion("", refusal="I can't"), "refused", "refused"),
        (completion("", finish="content_filter"), "refused", "refused"),
        (completion('{"decision":', finish="length"), "incomplete", "finish_length"),
        (completion(GOOD, finish="tool_calls"), "incomplete", "finish_tool_calls"),
        (completion(GOOD, finish="with customer text"), "incomplete", "finish_unknown"),
    ],
)
def test_a_bad_answer_is_named_and_not_retried(reply: Response, kind: str, reason: str | None) -> None:
    """A reply that is refused, cut or wrong ends the call: asking again blindly is no cure."""
    world = World([reply])
    outcome = world.boundary().call(TASK, EVIDENCE)
    assert kind == outcome.kind
    assert reason is None or reason in outcome.reason
    assert 1 == len(world.sent)
    assert 250 == outcome.record.input_tokens


@pytest.mark.parametrize("body", [b"<html>busy</html>", b"", b"[]", b"{}", b'{"choices": 3}', b"\xff\xfe"])
def test_garbage_with_status_200(body: bytes) -> None:
    """A gateway's page with status 200 is no answer: a protocol error, retried like one."""
    world = World([Response(200, {}, body), completion()])
    record = world.boundary().call(TASK, EVIDENCE).record
    assert ["protocol_error", "ok"] == [attempt.kind for attempt in record.attempts]


def test_faults_of_the_network_are_retried_and_recorded() -> None:
    """A lost connection is a failed attempt; its tokens are unknown, not 0."""
    world = World([Fault(Kind.CONNECT, "lost_in_body"), completion()])
    record = world.boundary().call(TASK, EVIDENCE).record
    assert ["connect", "ok"] == [attempt.kind for attempt in record.attempts]
    assert record.attempts[0].usage is None
    assert 1 == record.unreported_attempts


def test_the_cost_is_in_the_record() -> None:
    """With a rate card, 250 in and 80 out at $2 and $6 cost $0.00098, and the card's stamp says which."""
    world = World([completion()])
    card = RateCard.illustrative()
    record = world.boundary(model="practice-model", card=card).call(TASK, EVIDENCE).record
    assert Decimal("0.00098") == record.cost
    assert card.stamp == record.rate_card


def test_evidence_that_the_task_does_not_name_is_refused() -> None:
    """Nothing is sent when task and evidence disagree, and nothing is recorded: the mistake is ours."""
    world = World([completion()])
    with pytest.raises(ContractError, match="P-7"):
        world.boundary().call(TASK, Evidence(()))
    assert ([], []) == (world.sent, world.records)


@pytest.mark.parametrize(
    ("raised", "status"),
    [(KeyboardInterrupt(), "cancelled"), (asyncio.CancelledError(), "cancelled"), (OSError(), "unknown")],
)
def test_a_call_that_is_cut_short_leaves_its_record(raised: BaseException, status: str) -> None:
    """Cancelled or crashed: one record with every attempt, usage unknown, and the exception goes on."""
    world = World([RATE_LIMIT, raised])
    with pytest.raises(type(raised)):
        world.boundary().call(TASK, EVIDENCE)
    (record,) = world.records
    assert status == record.status
    assert ["rate_limited", "cancelled"] == [attempt.kind for attempt in record.attempts]
    assert (None, None, 1) == (record.usage, record.input_tokens, record.unreported_attempts)


def test_a_cancel_during_a_wait_leaves_its_record() -> None:
    """The wait is part of the call too."""
    world = World([RATE_LIMIT])

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    boundary = world.boundary()
    boundary._sleep = interrupted
    with pytest.raises(KeyboardInterrupt):
        boundary.call(TASK, EVIDENCE)
    assert ["cancelled"] == [record.status for record in world.records]


def test_a_broken_sink_does_not_cost_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    """A full disk loses a record, says so without content, and the product still gets its decision."""
    world = World([completion()])
    boundary = world.boundary()

    def full(record: Any) -> None:
        raise OSError("no space left for acct_10234")

    boundary.sinks = (full, *boundary.sinks)
    assert boundary.call(TASK, EVIDENCE).ok
    assert 1 == len(world.records)
    assert ["record_sink_failed"] == [entry.message for entry in caplog.records]


steps = st.sampled_from(
    [
        completion(),
        completion(GOOD.replace("30", "90")),
        completion("", finish="length"),
        RATE_LIMIT,
        QUOTA,
        error(429),
        error(429, "rate_limit_exceeded", retry_after="2"),
        error(500),
        error(401),
        Response(200, {}, b"<html>"),
        Fault(Kind.TIMEOUT, "read"),
        Fault(Kind.CONNECT, "connect"),
    ]
)


@given(
    script=st.lists(steps, min_size=1, max_size=8),
    retries=st.integers(0, 6),
    deadline=st.floats(0.5, 30),
    latency=st.floats(0, 3),
)
def test_both_faces_give_the_same_outcome(
    script: list[Any], retries: int, deadline: float, latency: float
) -> None:
    """One flow: threads and asyncio end alike, within the deadline, with one record, never a try too many."""
    task = replace(TASK, max_retries=retries, timeout_seconds=deadline)
    worlds = World(list(script), latency), World(list(script), latency)
    one = worlds[0].boundary(backoff=Backoff(0.5, 4)).call(task, EVIDENCE)
    two = asyncio.run(worlds[1].async_boundary(backoff=Backoff(0.5, 4)).call(task, EVIDENCE))
    assert one == two
    assert worlds[0].records == worlds[1].records == [one.record]
    assert len(worlds[0].sent) == len(one.record.attempts) <= retries + 1
    assert worlds[0].now - 100.0 <= deadline + 1e-6
    assert all(attempt.started_ms < deadline * 1000 for attempt in one.record.attempts)
