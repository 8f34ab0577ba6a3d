"""A second route: when it is taken, what it costs in time, and how the record tells."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import World, completion, error

from labkit.backoff import Backoff
from labkit.costs import RateCard
from labkit.deadline import Phases
from labkit.failures import Kind
from labkit.fallback import ROUTE_FAILED, Fallback
from labkit.flow import Policy
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.station import Outage, Provider, Script
from labkit.lab.world import Crowd, simulate
from labkit.prompts import Models
from labkit.providers import AnthropicMessages, OpenAIChat

TEN = replace(TASK, timeout_seconds=10.0)


def policy(second: Any, **fallback: Any) -> Policy:
    """Two retries on the first route, then another provider."""
    route = Fallback(AnthropicMessages(), "practice-large", second, **fallback)
    return Policy(Models("practice-model"), Backoff(0.5, 8.0), fallback=route)


def test_a_route_that_fails_hands_over_to_the_second() -> None:
    """Three attempts here, one there: the answer comes, and every attempt names its route."""
    run = simulate(Crowd(1, task=TEN), Script(*["503"] * 3), policy(Script()))

    (outcome,) = run.outcomes
    routes = [(attempt.provider, attempt.model, attempt.status) for attempt in outcome.record.attempts]
    assert outcome.ok
    assert routes == [("openai", "practice-model", "failed")] * 3 + [("anthropic", "practice-large", "ok")]
    assert (outcome.record.provider, outcome.record.model) == ("anthropic", "practice-large")
    assert [attempt.number for attempt in outcome.record.attempts] == [1, 2, 3, 4]


def test_a_good_first_route_never_meets_the_second() -> None:
    """One transient failure is the retry's business, not the fallback's."""
    run = simulate(Crowd(1, task=TEN), Script("429", "ok"), policy(Script("401")))

    assert {attempt.provider for attempt in run.outcomes[0].record.attempts} == {"openai"}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("refusal", Kind.REFUSED),
        ("window_90", Kind.UNSUPPORTED_DECISION),
        ("prose", Kind.INVALID_OUTPUT),
        ("bad_request", Kind.BAD_REQUEST),
        ("bad_key", Kind.AUTH),
    ],
)
def test_a_no_is_not_taken_to_another_model(fault: str, kind: Kind) -> None:
    """A refusal, a wrong answer or our own mistake ends the call where it arose."""
    run = simulate(Crowd(1, task=TEN), Script(fault), policy(Script()))

    assert run.outcomes[0].kind == kind
    assert len(run.outcomes[0].record.attempts) == 1
    assert kind not in ROUTE_FAILED


def test_a_spent_quota_goes_straight_to_the_second_route() -> None:
    """Retrying is pointless there, and the other account has money."""
    run = simulate(Crowd(1, task=TEN), Script("quota"), policy(Script()))

    assert [attempt.kind for attempt in run.outcomes[0].record.attempts] == ["quota_exhausted", "ok"]


def test_a_silent_first_route_leaves_the_second_its_share() -> None:
    """Of ten seconds, a silent provider gets six when four are kept; the sum stays the deadline."""
    run = simulate(Crowd(1, task=TEN), Script("silence"), policy(Script(takes_s=1.0), keep=0.4))

    record = run.outcomes[0].record
    assert run.outcomes[0].ok
    assert [attempt.latency_ms for attempt in record.attempts] == [6000, 1000]
    assert record.latency_ms == 7000


@given(
    st.lists(st.sampled_from(["ok", "503", "429", "silence", "slow_first_byte:3", "quota"]), max_size=6),
    st.lists(st.sampled_from(["ok", "503", "silence", "slow_first_byte:3"]), max_size=6),
    st.integers(0, 4),
    st.floats(0.1, 0.9),
    st.floats(0.1, 20),
)
def test_two_routes_share_one_deadline(one, two, retries, keep, deadline) -> None:
    """Whatever both do: one record, no attempt after the deadline, no more than the retries on each route."""
    task = replace(TASK, timeout_seconds=deadline, max_retries=retries)
    run = simulate(Crowd(1, task=task), Script(*one), policy(Script(*two), keep=keep))

    ((_, _, record),) = run.records
    names = [attempt.provider for attempt in record.attempts]
    assert record.latency_ms <= deadline * 1000 + 0.001
    assert all(attempt.started_ms < deadline * 1000 for attempt in record.attempts)
    assert names == sorted(names, reverse=True), "the first route is never tried again"
    assert all(names.count(name) <= retries + 1 for name in names)


def test_each_model_is_priced_at_its_own_rates() -> None:
    """A cut answer of one model and a good one of another: the cost is the sum, each at its rate."""
    card = RateCard.illustrative()
    made = replace(
        policy(Script(), on=ROUTE_FAILED | {Kind.INCOMPLETE}), card=card, models=Models("practice-model")
    )
    (outcome,) = simulate(Crowd(1, task=TEN), Script("length"), made).outcomes
    rates = {model: card.rates(model) for model in ("practice-model", "practice-large")}

    expected = sum(
        (rates[a.model].input * a.usage.input_tokens + rates[a.model].output * a.usage.output_tokens)
        for a in outcome.record.attempts
    ) / Decimal(1_000_000)
    assert outcome.ok
    assert outcome.record.cost == expected


@pytest.mark.parametrize("face", ["sync", "async"])
def test_both_faces_use_the_second_transport(face: str) -> None:
    """Threads and asyncio send the second route's requests through the second route's transport."""
    first, second = World([error(503)]), World([completion()])
    route = {"backoff": Backoff(0.0, 0.0), "phases": Phases()}
    if face == "sync":
        made = first.boundary(fallback=Fallback(OpenAIChat(), "practice-2", second), **route)
        outcome = made.call(TASK, EVIDENCE)
    else:
        transport = second.async_boundary().transport
        made = first.async_boundary(fallback=Fallback(OpenAIChat(), "practice-2", transport), **route)
        outcome = asyncio.run(made.call(TASK, EVIDENCE))

    assert outcome.ok
    assert (len(first.sent), len(second.sent)) == (3, 1)
    assert second.sent[0][0].body["model"] == "practice-2"


def test_another_model_of_the_same_provider_needs_no_second_transport() -> None:
    """Without a transport of its own the second route goes through the first one's."""
    world = World([error(503), error(503), error(503), completion()])
    made = world.boundary(backoff=Backoff(0.0, 0.0), fallback=Fallback(OpenAIChat(), "practice-2"))

    assert made.call(TASK, EVIDENCE).ok
    assert [request.body["model"] for request, _ in world.sent] == ["practice-1"] * 3 + ["practice-2"]


def test_a_fallback_carries_a_crowd_through_an_outage() -> None:
    """300 callers, the first provider down for good: all are answered by the second."""
    down = Provider(outages=(Outage(0, 1e9),))
    run = simulate(Crowd(300, 3.0, task=TEN), down, policy(Provider(service_s=0.1)))

    assert run.summary()["finished"] == 300
    assert run.served == 300


@pytest.mark.parametrize("keep", [0.0, 1.0, -1.0])
def test_a_share_of_nothing_or_all_is_refused(keep: float) -> None:
    """Then one of the two routes could never be tried."""
    with pytest.raises(ValueError, match="share of the deadline"):
        Fallback(OpenAIChat(), "practice-2", keep=keep)
