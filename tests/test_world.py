"""Virtual time: the same flows as the boundary's, against providers with a capacity."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import GOOD, World, completion, error

from labkit import backoff
from labkit.backoff import Backoff, RetryBudget
from labkit.costs import RateCard
from labkit.deadline import Phases
from labkit.failures import Kind
from labkit.flow import Policy
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.station import EPOCH, Outage, Provider, Script
from labkit.lab.world import Crowd, compare, jitter_policies, simulate
from labkit.prompts import Models
from labkit.providers import AnthropicMessages, Fault, OpenAIChat, Response

PATIENT = replace(TASK, max_retries=9, timeout_seconds=300.0)
PLAIN = Policy(Models("practice-model"), Backoff(0.5, 8.0))


# ── the same flow ───────────────────────────────────────────────────────────────────────────────

steps = st.sampled_from(
    [
        completion(),
        completion(GOOD.replace("30", "90")),
        completion("", finish="length"),
        error(429, "rate_limit_exceeded"),
        error(429, "insufficient_quota"),
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
    script=st.lists(steps, min_size=8, max_size=8),
    retries=st.integers(0, 6),
    deadline=st.integers(1, 60).map(lambda half: half / 2),
    latency=st.integers(0, 30).map(lambda tenth: tenth / 8),
    jitter=st.sampled_from([backoff.none, backoff.full, backoff.decorrelated]),
    draw=st.sampled_from([0.0, 0.25, 0.5, 0.9375]),
)
@settings(deadline=None)
def test_three_drivers_tell_one_story(  # noqa: PLR0917 - hypothesis hands them in by name
    script: list[Any], retries: int, deadline: float, latency: float, jitter: Any, draw: float
) -> None:
    """Threads, asyncio and virtual time give the same outcome and the same record for the same replies."""
    task = replace(TASK, max_retries=retries, timeout_seconds=deadline)
    policy = Policy(Models("practice-1"), Backoff(0.5, 4, jitter))
    worlds = World(list(script), latency, now=0.0), World(list(script), latency, now=0.0)
    chance = {"random": lambda: draw, "backoff": policy.backoff}

    one = worlds[0].boundary(**chance).call(task, EVIDENCE)
    two = asyncio.run(worlds[1].async_boundary(**chance).call(task, EVIDENCE))
    run = simulate(Crowd(1, task=task), Script(*script, takes_s=latency), policy, draw=lambda: draw)
    (three,) = run.outcomes

    assert one == two
    assert _timeless(one) == _timeless(three)
    assert [three.record] == [record for *_, record in run.records]
    attempts = three.record.attempts
    assert len(attempts) <= retries + 1
    assert all(attempt.started_ms < deadline * 1000 for attempt in attempts)
    assert three.record.latency_ms <= deadline * 1000


def _timeless(outcome: Any) -> Any:
    """An outcome without the caller's number and the date."""
    return replace(outcome, record=replace(outcome.record, trace_id="", at=0.0))


# ── deadlines, in virtual time ──────────────────────────────────────────────────────────────────


def test_three_tries_of_ten_seconds_under_twelve_end_by_twelve() -> None:
    """The third try is never made and the second is cut: the sum is the deadline's, not the attempts'."""
    policy = Policy(Models("practice-model"), Backoff(1.0, 20.0), Phases(attempt=10.0))
    run = simulate(
        Crowd(1, task=replace(TASK, timeout_seconds=12.0)), Script(*["silence"] * 3), policy, draw=lambda: 0.5
    )

    (outcome,) = run.outcomes
    assert outcome.summary() == {"status": "timeout", "next_step": "show_retry_option"}
    assert outcome.record.latency_ms == 12_000
    assert [(a.started_ms, a.latency_ms) for a in outcome.record.attempts] == [(0, 10_000), (10_500, 1_500)]


def test_twenty_milliseconds_under_one_is_a_named_state() -> None:
    """The lesson's slow provider: 20 ms under a deadline of 1 ms."""
    run = simulate(Crowd(1, task=replace(TASK, timeout_seconds=0.001)), Script(takes_s=0.02), PLAIN)

    assert run.outcomes[0].summary() == {"status": "timeout", "next_step": "show_retry_option"}
    assert run.outcomes[0].record.latency_ms == 1.0


@given(st.integers(0, 9), st.floats(0, 30))
def test_a_retry_after_date_is_never_answered_early(seconds: int, start: float) -> None:
    """Whatever fraction of a second the clock shows, the next attempt starts at the date or after it."""
    crowd = Crowd(1, over_s=start)
    run = simulate(crowd, Script(f"rate_limit_after_date:{seconds}"), PLAIN, seed=seconds)

    first, second = run.attempts()["at_s"]
    asked = math.floor(EPOCH + first + 0.04 + seconds) - EPOCH  # an HTTP date has whole seconds
    assert asked <= second + 1e-6
    assert second < max(asked, first + 0.04) + 2.0  # a second of rounding, and jitter below the first ceiling


@given(
    st.integers(1, 12),
    st.integers(0, 10),
    st.floats(0.05, 8),
    st.floats(0.0, 3.0),
    st.sampled_from([backoff.none, backoff.full, backoff.quarter, backoff.decorrelated]),
    st.integers(0, 2**16),
)
@settings(deadline=None)
def test_nothing_outlives_its_deadline(  # noqa: PLR0917 - hypothesis hands them in by name
    callers, retries, deadline, base, jitter, seed
) -> None:
    """In any crowd: no attempt after the deadline, none too many, one record for each caller, none late."""
    task = replace(TASK, max_retries=retries, timeout_seconds=deadline)
    provider = Provider(
        per_second=5,
        burst=2,
        workers=1,
        queue=2,
        service_s=0.3,
        spread=1.0,
        outages=(Outage(1, 2, silent=True),),
    )
    run = simulate(
        Crowd(callers, 2.0, task=task), provider, Policy(Models("m"), Backoff(base, 4.0, jitter)), seed=seed
    )

    assert sorted(run.calls()["caller"]) == list(range(callers))
    for *_, record in run.records:
        assert record.latency_ms <= deadline * 1000 + 0.001
        assert len(record.attempts) <= retries + 1
        for attempt in record.attempts:
            assert attempt.started_ms < deadline * 1000
            assert attempt.delay_s <= (4.0 if jitter is backoff.decorrelated else attempt.ceiling_s)


# ── crowds ──────────────────────────────────────────────────────────────────────────────────────


def test_one_seed_is_one_history() -> None:
    """To the last digit; another seed is another history."""
    provider = Provider(per_second=20, burst=6, service_s=0.05, spread=0.5)
    frames = [simulate(Crowd(50, 1.0), provider, PLAIN, seed=seed).attempts() for seed in (1, 1, 2)]

    pd.testing.assert_frame_equal(frames[0], frames[1])
    assert not frames[0].equals(frames[2])


def test_the_herd_of_the_field_notes() -> None:
    """200 clients at 20 a second, base 0.5, cap 8: what jitter does, and what it does not do.

    As measured elsewhere: 60 of 200 finish without jitter, 25% jitter peaks at 155 retries in 100 ms,
    full jitter finishes first and has neither the lowest peak nor the fewest calls. Ours ends at about
    13.6 s instead of 16.9: the limit here is a bucket of 6, there (it seems) 2 in each 100 ms.
    """
    runs = [
        compare(jitter_policies(), Crowd(200, task=PATIENT), Provider(per_second=20, burst=6), seed=seed)[1]
        for seed in range(12)
    ]
    mean = pd.concat(runs).groupby("policy").mean(numeric_only=True)

    assert mean["finished"].to_dict() == {"none": 60, "quarter": 200, "full": 200, "decorrelated": 200}
    assert 150 <= mean["retry_peak"]["quarter"] <= 160
    assert mean["last_answer_s"].drop("none").idxmin() == "full"
    assert mean["retry_peak"].idxmin() == "decorrelated"
    assert mean["peak"].idxmax() == "full"
    assert mean["attempts"].idxmin() == "decorrelated"
    assert 12 < mean["last_answer_s"]["full"] < 15


def test_a_limit_of_two_in_a_tenth_comes_near_the_published_finish() -> None:
    """With a bucket of 2 instead of 6 full jitter ends at about 17 s, as in the field notes."""
    policy = jitter_policies(names=("full",))
    ends = [
        compare(policy, Crowd(200, task=PATIENT), Provider(per_second=20, burst=2), seed=seed)[1][
            "last_answer_s"
        ][0]
        for seed in range(12)
    ]

    assert 16 < sum(ends) / len(ends) < 19


def test_three_layers_of_retries_multiply() -> None:
    """Two retries at each of three layers are 27 attempts for one call, and one layer makes 3."""
    down = Provider(outages=(Outage(0, 1e9),))
    attempts = {
        layers: len(simulate(Crowd(1, layers=layers), down, PLAIN).attempts()) for layers in (1, 2, 3)
    }

    assert attempts == {1: 3, 2: 9, 3: 27}


def test_a_retry_budget_keeps_an_outage_from_being_tripled() -> None:
    """A thousand calls into an outage: 3,000 attempts without a budget, about 1,100 with one."""
    down, crowd = Provider(outages=(Outage(0, 1e9),)), Crowd(1000, 10.0)
    budget = RetryBudget(10, 0.1)
    without = simulate(crowd, down, PLAIN)
    within = simulate(crowd, down, replace(PLAIN, budget=budget))

    assert len(without.attempts()) == 3000
    assert len(within.attempts()) <= 1000 + 10 + 100
    assert set(within.calls()["reason"]) == {"retry_budget_empty", "retries_exhausted"}
    assert budget.tokens == 10, "a run works on its own bucket"


def test_a_full_queue_answers_529_and_a_rate_limit_429() -> None:
    """Two kinds of too much: the provider's own load, and the caller's limit."""
    busy = Provider(workers=1, queue=1, service_s=1.0)
    limited = Provider(per_second=1, burst=2)
    kinds = [
        sorted(simulate(Crowd(4, task=replace(TASK, max_retries=0)), provider, PLAIN).attempts()["kind"])
        for provider in (busy, limited)
    ]

    assert kinds == [["ok", "ok", "overloaded", "overloaded"], ["ok", "ok", "rate_limited", "rate_limited"]]


def test_a_queue_serves_in_order_and_makes_the_last_wait() -> None:
    """One worker at a second each: the third caller waits for two others."""
    run = simulate(Crowd(3), Provider(workers=1, queue=5, service_s=1.0, network_s=0.0), PLAIN)

    assert sorted(run.attempts()["took_s"]) == [1.0, 2.0, 3.0]


def test_work_for_callers_who_have_gone_is_billed_and_recorded_nowhere() -> None:
    """A reply that comes after its deadline costs money, and the record knows its usage as unknown, not 0."""
    policy = replace(PLAIN, models=Models("practice-model"), card=RateCard.illustrative())
    crowd = Crowd(3, task=replace(TASK, timeout_seconds=2.5, max_retries=0))
    run = simulate(crowd, Provider(workers=1, queue=5, service_s=1.0, network_s=0.0), policy)
    summary = run.summary()

    assert (summary["finished"], summary["unread"], run.served) == (2, 1, 3)
    assert summary["billed"] == summary["recorded"] / 2 * 3 > Decimal(0)
    late = next(record for *_, record in run.records if record.status == Kind.TIMEOUT)
    assert (late.usage, late.cost, late.unreported_attempts) == (None, None, 1)


def test_an_outage_ends_and_callers_come_back() -> None:
    """Down for two seconds: 503 at first, and everybody who has time left is served afterwards."""
    provider = Provider(outages=(Outage(0, 2),))
    run = simulate(Crowd(20, task=PATIENT), provider, PLAIN)

    assert run.summary()["finished"] == 20
    assert set(run.attempts()["http_status"]) == {503, 200}
    assert run.attempts().query("http_status == 200")["at_s"].min() >= 2 - 0.01


def test_both_wire_formats_are_simulated() -> None:
    """The adapters parse what the practice provider would send, errors included."""
    for adapter in (OpenAIChat(), AnthropicMessages()):
        run = simulate(Crowd(1), Script("429", "overloaded", "ok"), PLAIN, adapter=adapter)
        assert list(run.attempts()["kind"]) == ["rate_limited", "overloaded", "ok"]
        assert run.outcomes[0].value.rotation_window_days == 30


def test_a_script_spoils_answers_too() -> None:
    """The faults of the practice provider by name, in virtual time."""
    run = simulate(Crowd(1), Script("slow_first_byte:3", "ok"), PLAIN)
    bad = simulate(Crowd(1), Script("window_90"), PLAIN)

    assert run.outcomes[0].record.latency_ms == 3040
    assert bad.outcomes[0].kind == Kind.UNSUPPORTED_DECISION


def test_frames_count_alike() -> None:
    """Every attempt of every call is in both frames, in order of time."""
    run = simulate(Crowd(30, 1.0), Provider(per_second=10, burst=1), PLAIN)
    attempts, calls = run.attempts(), run.calls()

    assert len(attempts) == calls["attempts"].sum() == run.summary()["attempts"]
    assert attempts["at_s"].is_monotonic_increasing
    assert (calls["ended_s"] >= calls["began_s"]).all()
    assert attempts.groupby("caller")["number"].max().sum() == len(attempts)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Provider(per_second=0), "per_second is 0"),
        (lambda: Provider(per_second=5, burst=0.5), "burst is 0.5"),
        (lambda: Provider(workers=0), "workers is 0"),
        (lambda: Provider(network_s=-1), "at least 0; one is -1"),
        (lambda: Crowd(0), "callers 0"),
        (lambda: Crowd(layers=0), "layers 0"),
    ],
)
def test_a_world_that_makes_no_sense_is_refused(make, words) -> None:
    """The message names the value seen and the one wanted."""
    with pytest.raises(ValueError, match=words):
        make()
