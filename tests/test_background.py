"""Answers made in the background: started, asked for, fetched, and cancelled when time is up."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import anyio
import pytest

from labkit.boundary import AsyncBoundary
from labkit.failures import Kind
from labkit.flow import Policy
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.provider import Provider, practice
from labkit.prompts import Models
from labkit.providers import Fault, OpenAIResponses, Response
from labkit.records import CallRecord
from labkit.transport import AsyncHttp
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


# ── on the practice provider, over a real socket ──


def opened(provider: Provider, records: list[CallRecord]) -> AsyncBoundary:
    """An async boundary in background mode."""
    http = AsyncHttp(provider.base_url, ADAPTER.auth_headers(provider.key))
    return AsyncBoundary(ADAPTER, http, Policy(Models("practice-1")), sinks=[records.append])


def asked(provider: Provider) -> list[str]:
    """Method and last part of the path of each request that arrived."""
    return [f"{seen.method} {seen.path.rsplit('/', 1)[-1]}" for seen in provider.requests]


def test_the_practice_provider_works_in_the_background() -> None:
    """Start, ask until it is there, read the decision."""

    async def main(provider: Provider) -> None:
        records: list[CallRecord] = []
        async with opened(provider, records) as boundary:
            outcome = await boundary.call(TASK, EVIDENCE)
        assert outcome.unwrap().rotation_window_days == 30
        assert records == [outcome.record]

    with practice() as provider:
        asyncio.run(main(provider))
        assert asked(provider)[0] == "POST responses"
        assert len(asked(provider)) >= 2


@pytest.mark.parametrize("how", ["deadline", "native", "scope"])
def test_nobody_waits_so_the_provider_is_told(how: str) -> None:
    """The deadline, a cancelled task, a cancelled scope: each sends the cancel before it ends."""

    async def main(provider: Provider) -> None:
        records: list[CallRecord] = []
        async with opened(provider, records) as boundary:
            task = replace(TASK, timeout_seconds=0.8 if how == "deadline" else 20.0, max_retries=0)
            if how == "deadline":
                await boundary.call(task, EVIDENCE)
            elif how == "scope":
                with anyio.move_on_after(0.4):
                    await boundary.call(task, EVIDENCE)
            else:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(boundary.call(task, EVIDENCE), 0.4)
        assert [record.status for record in records] == ["timeout" if how == "deadline" else "cancelled"]

    with practice(background_seconds=30.0) as provider:
        asyncio.run(main(provider))
        assert asked(provider)[-1] == "POST cancel"
        assert asked(provider).count("POST cancel") == 1
