"""Answers made in the background: started, asked for, fetched, and cancelled when time is up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from labkit.failures import Kind
from labkit.lab.case import EVIDENCE, TASK
from labkit.providers import Fault, OpenAIResponses, Response
from tests.scripted import GOOD, World, error


def state(status: str, **more: Any) -> Response:
    """A response object in one of its states."""
    return Response(
        200, {}, json.dumps({"id": "resp_1", "status": status, "output": [], "model": "m", **more}).encode()
    )


QUEUED, WORKING = state("queued"), state("in_progress")
DONE = state(
    "completed",
    output=[{"type": "message", "content": [{"type": "output_text", "text": GOOD}]}],
    usage={"input_tokens": 250, "output_tokens": 80, "total_tokens": 330},
)
ADAPTER = OpenAIResponses(background=True)


def paths(world: World) -> list[str]:
    """Method and path of everything that was sent."""
    return [f"{request.method} {request.path}" for request, _ in world.sent]


def test_a_background_answer_is_an_answer() -> None:
    """Start, ask, ask, fetch: one attempt, one record, growing waits."""
    world = World([QUEUED, WORKING, DONE])
    outcome = world.boundary(ADAPTER).call(TASK, EVIDENCE)
    assert outcome.unwrap().rotation_window_days == 30
    assert paths(world) == ["POST /v1/responses", *["GET /v1/responses/resp_1"] * 2]
    assert world.slept == [0.25, 0.5]
    assert (len(outcome.record.attempts), outcome.record.output_tokens) == (1, 80)


def test_time_up_cancels_at_the_provider() -> None:
    """The deadline passes: the provider is told to stop, and the call is a timeout with unknown usage."""
    world = World([QUEUED, WORKING])
    outcome = world.boundary(ADAPTER).call(TASK, EVIDENCE)
    assert (outcome.record.status, outcome.record.usage) == (Kind.TIMEOUT, None)
    assert paths(world)[-1] == "POST /v1/responses/resp_1/cancel"
    assert paths(world).count("POST /v1/responses/resp_1/cancel") == 1
    assert world.now <= 120.0


def test_an_interrupt_cancels_at_the_provider() -> None:
    """Who stops waiting says so: the cancel is sent before the interrupt leaves."""
    world = World([QUEUED, KeyboardInterrupt(), state("cancelled")])
    with pytest.raises(KeyboardInterrupt):
        world.boundary(ADAPTER).call(TASK, EVIDENCE)
    assert paths(world)[-1] == "POST /v1/responses/resp_1/cancel"
    assert [record.status for record in world.records] == [Kind.CANCELLED]


@pytest.mark.parametrize("lost", [Fault(Kind.CONNECT, "lost_before_reply"), error(503), error(429)])
def test_a_lost_poll_is_no_lost_answer(lost: Response | Fault) -> None:
    """A poll that fails in passing is made again: nothing is started twice."""
    world = World([QUEUED, lost, DONE])
    outcome = world.boundary(ADAPTER).call(TASK, EVIDENCE)
    assert outcome.ok
    assert paths(world).count("POST /v1/responses") == 1


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (state("failed", error={"code": "server_error"}), Kind.PROVIDER_ERROR),
        (state("cancelled"), Kind.INCOMPLETE),
        (state("incomplete", incomplete_details={"reason": "max_output_tokens"}), Kind.INCOMPLETE),
        (error(404), Kind.NOT_FOUND),
    ],
)
def test_every_end_of_a_background_answer_has_a_name(end: Response, kind: Kind) -> None:
    """Failed, cancelled elsewhere, cut, forgotten by the provider."""
    world = World([QUEUED, end])
    outcome = world.boundary(ADAPTER).call(TASK, EVIDENCE)
    assert outcome.record.status is kind


def test_an_answer_that_is_there_at_once_needs_no_poll() -> None:
    """A provider that finishes before it answers is not asked again."""
    world = World([DONE])
    assert world.boundary(ADAPTER).call(TASK, EVIDENCE).ok
    assert paths(world) == ["POST /v1/responses"]
