"""One deadline over everything: by the clock, against a real socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from scripted import World, completion, error

from labkit.boundary import AsyncBoundary, Boundary
from labkit.deadline import MOMENTS, Deadline, Phases
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.provider import Provider, practice

HURRIED = replace(TASK, timeout_seconds=0.4)


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A practice provider on a port of its own."""
    with practice() as made:
        yield made


@pytest.mark.alone
@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_drip_does_not_outlive_its_deadline(provider: Provider, face: str) -> None:
    """One byte every 5 ms, for ever as far as a read timeout can tell: over by 450 ms under 400."""
    provider.script(["ok", "drip:0.005"])  # the first call opens the connection and warms the imports

    def sync() -> tuple[float, str]:
        with Boundary.open("openai", provider.base_url, provider.key, model="practice-model") as boundary:
            assert boundary.call(TASK, EVIDENCE).ok
            began = time.perf_counter()
            outcome = boundary.call(HURRIED, EVIDENCE)
            return time.perf_counter() - began, outcome.record.status

    async def on_a_loop() -> tuple[float, str]:
        opened = AsyncBoundary.open("openai", provider.base_url, provider.key, model="practice-model")
        async with opened as boundary:
            assert (await boundary.call(TASK, EVIDENCE)).ok
            began = time.perf_counter()
            outcome = await boundary.call(HURRIED, EVIDENCE)
            return time.perf_counter() - began, outcome.record.status

    took, status = sync() if face == "sync" else asyncio.run(on_a_loop())

    assert status == "timeout"
    assert 0.38 < took < 0.45


@pytest.mark.alone
def test_a_deadline_binds_the_retries_too(provider: Provider) -> None:
    """Ten retries into silence under 300 ms: the call ends in 300 ms, not in ten times a read timeout."""
    provider.script(["ok", *["slow_first_byte:0.2"] * 12])
    task = replace(TASK, timeout_seconds=0.3, max_retries=10)
    with Boundary.open("openai", provider.base_url, provider.key, model="practice-model") as boundary:
        boundary.policy = replace(boundary.policy, phases=Phases(attempt=0.05))
        assert boundary.call(TASK, EVIDENCE).ok
        began = time.perf_counter()
        outcome = boundary.call(task, EVIDENCE)
        took = time.perf_counter() - began

    assert outcome.record.status == "timeout"
    assert outcome.record.reason in {"deadline", "delay_exceeds_deadline"}
    assert took < 0.35


class Oversleeper(World):
    """A machine so busy that every sleep takes half a second longer than asked."""

    def sleep(self, seconds: float) -> None:
        """Sleep too long."""
        super().sleep(seconds + 0.5)


def test_no_attempt_starts_after_a_sleep_that_took_too_long() -> None:
    """The wait fitted when it began; when it ends the deadline has passed, and nothing more is sent."""
    world = Oversleeper([error(503), completion()])
    outcome = world.boundary().call(replace(TASK, timeout_seconds=0.8), EVIDENCE)

    assert (outcome.kind, outcome.reason) == ("provider_error", "deadline")
    assert len(world.sent) == 1


def test_a_deadline_counts_down_and_never_below_zero() -> None:
    """What remains is what was given less what has passed; a wait must leave time to try again."""
    now = [10.0]
    deadline = Deadline.after(2.0, lambda: now[0])

    assert (deadline.remaining(), deadline.expired) == (2.0, False)
    assert (deadline.fits(1.9), deadline.fits(2.0)) == (True, False)
    now[0] = 12.0
    assert (deadline.remaining(), deadline.expired) == (0.0, True)
    now[0] = 99.0
    assert deadline.remaining() == 0.0


def test_every_moment_has_its_reason_and_can_be_asked_for() -> None:
    """The presets are valid tasks, from the shortest a person bears to the longest nobody watches."""
    order = ["autocomplete", "chat_reply", "document_summary", "batch_enrichment"]
    seconds = [MOMENTS[name].timeout_seconds for name in order]

    assert seconds == sorted(seconds)
    for name, moment in MOMENTS.items():
        assert moment.why.endswith("."), name
        replace(TASK, timeout_seconds=moment.timeout_seconds, max_retries=moment.max_retries)
    assert MOMENTS["autocomplete"].max_retries == 0
