"""Asking again after refused output: once, bounded, with the last reason and no more."""

from __future__ import annotations

import json

import pytest

from labkit.failures import Kind, LabkitError
from labkit.lab.case import EVIDENCE, TASK
from labkit.providers import AnthropicMessages, OpenAIChat, OpenAIResponses
from labkit.reask import Reask, correction
from labkit.usage import Usage
from tests.scripted import GOOD, World, completion, error

WRONG = GOOD.replace("30", "90")
PROSE = "Yes, that key of the customer is eligible."


def test_by_default_nothing_is_asked_again() -> None:
    """Invalid output ends the call: one request, one name."""
    world = World([completion(PROSE)])
    outcome = world.boundary().call(TASK, EVIDENCE)
    assert (outcome.record.status, len(world.sent)) == (Kind.INVALID_OUTPUT, 1)


def test_one_reask_carries_the_last_reason_only() -> None:
    """The second request is the first and one line: the gates' words, nothing of the refused answer."""
    world = World([completion(PROSE), completion()])
    outcome = world.boundary(reask=Reask()).call(TASK, EVIDENCE)
    first, second = (request.body for request, _ in world.sent)
    assert outcome.ok
    assert second["messages"][:-1] == first["messages"]
    assert "not JSON" in second["messages"][-1]["content"]
    assert "customer" not in second["messages"][-1]["content"]


def test_every_reask_is_the_first_request_and_one_line() -> None:
    """The request does not grow: the third has the last reason, and not the one before."""
    world = World([completion(PROSE), completion("[1]"), completion()])
    outcome = world.boundary(reask=Reask(most=2)).call(TASK, EVIDENCE)
    assert outcome.ok
    assert [len(request.body["messages"]) for request, _ in world.sent] == [2, 3, 3]
    assert "not JSON" not in world.sent[2][0].body["messages"][-1]["content"]


def test_the_cost_of_a_reask_is_counted() -> None:
    """Both answers were billed: the record sums them, and names each attempt."""
    world = World([completion(PROSE), completion()])
    record = world.boundary(reask=Reask()).call(TASK, EVIDENCE).record
    assert (record.input_tokens, record.output_tokens) == (500, 160)
    assert [attempt.kind for attempt in record.attempts] == ["invalid_output", "ok"]


def test_a_reask_waits_as_a_retry_does() -> None:
    """Full jitter before it: a model that answers everyone wrongly is not hammered by everyone."""
    world = World([completion(PROSE), completion()])
    world.boundary(reask=Reask()).call(TASK, EVIDENCE)
    assert world.slept == [0.5]


@pytest.mark.parametrize(
    ("reask", "sent"),
    [
        (Reask(most=1), 2),
        (Reask(most=5), 3),
        (Reask(most=5, most_tokens=700), 2),
        (Reask(most_tokens=600), 1),
    ],
)
def test_reasks_are_bounded(reask: Reask, sent: int) -> None:
    """In count, by the task's retries, and in tokens; and the end is named for the output."""
    world = World([completion(PROSE)])
    outcome = world.boundary(reask=reask).call(TASK, EVIDENCE)
    assert (len(world.sent), outcome.record.status) == (sent, Kind.INVALID_OUTPUT)


def test_a_reask_needs_time() -> None:
    """When the wait would pass the deadline there is no second request."""
    world = World([completion(PROSE)], latency=19.8)
    outcome = world.boundary(reask=Reask()).call(TASK, EVIDENCE)
    assert (len(world.sent), outcome.record.reason) == (1, "delay_exceeds_deadline")


def test_a_wrong_decision_is_asked_again_only_on_request() -> None:
    """An answer of the right form that the evidence does not support: another kind, another choice."""
    both = frozenset({Kind.INVALID_OUTPUT, Kind.UNSUPPORTED_DECISION})
    assert len(_sent([completion(WRONG)], Reask())) == 1
    assert len(_sent([completion(WRONG), completion()], Reask(kinds=both))) == 2


def _sent(script: list[object], reask: Reask) -> list[object]:
    world = World(script)
    world.boundary(reask=reask).call(TASK, EVIDENCE)
    return list(world.sent)


def test_a_retry_after_a_reask_sends_the_correction_again() -> None:
    """A 503 between the two does not lose the line, and its own tokens are none."""
    world = World([completion(PROSE), error(503), completion()])
    outcome = world.boundary(reask=Reask()).call(TASK, EVIDENCE)
    assert outcome.ok
    assert [len(request.body["messages"]) for request, _ in world.sent] == [2, 3, 3]


def test_unknown_usage_cannot_be_bounded() -> None:
    """When an answer came without usage, nobody knows what a re-ask would make of the bill."""
    assert not Reask().allows(Kind.INVALID_OUTPUT, 0, [None])
    assert not Reask().allows(Kind.INVALID_OUTPUT, 0, [Usage(1, output_tokens=1), None])
    assert Reask().allows(Kind.INVALID_OUTPUT, 0, [Usage(1, output_tokens=1)])


def test_every_adapter_adds_the_line_at_the_end() -> None:
    """Chat, Messages and Responses each keep the request and add the line."""
    line = correction("rotation_window_days: wanted an integer, saw a string")
    for adapter in (OpenAIChat(), AnthropicMessages(), OpenAIResponses()):
        request = adapter.request(TASK, EVIDENCE, "m")
        again = adapter.reask(request, line)
        assert json.dumps(again.body).count(line) == 1
        assert again.headers == request.headers
        assert line not in json.dumps(request.body)


@pytest.mark.parametrize("wrong", [{"most": 0}, {"most_tokens": 0}, {"kinds": frozenset({Kind.TIMEOUT})}])
def test_a_reask_without_bounds_is_refused(wrong: dict[str, object]) -> None:
    """Zero, or a kind that is no output, is a mistake in the policy."""
    with pytest.raises(LabkitError, match="wanted"):
        Reask(**wrong)  # type: ignore[arg-type]
