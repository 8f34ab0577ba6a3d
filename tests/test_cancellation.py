"""Cancelled calls: the pool stays whole, and each call leaves one record."""

from __future__ import annotations

import asyncio
import random
import signal
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest
from raw_server import ok, serving
from scripted import completion

from labkit.boundary import AsyncBoundary, Boundary
from labkit.lab.case import EVIDENCE, TASK
from labkit.records import CallRecord

ANSWER = ok(completion().body)
KEY = "practice-key-for-tests"


def open_async(url: str, records: list[CallRecord], connections: int = 10) -> AsyncBoundary:
    return AsyncBoundary.open(
        "openai", url, KEY, model="practice-1", sinks=[records.append], connections=connections
    )


def test_a_pool_survives_five_seconds_of_cancellations() -> None:
    """20 tasks over 10 connections, cancelled after 0.5 to 12 ms for 5 s; then 10 of 10 probes succeed."""
    records: list[CallRecord] = []

    async def storm(boundary: AsyncBoundary, until: float, chance: random.Random) -> None:
        while time.monotonic() < until:
            try:
                async with asyncio.timeout(chance.uniform(0.0005, 0.012)):
                    await boundary.call(TASK, EVIDENCE)
            except TimeoutError:
                pass

    async def run(url: str) -> list[bool]:
        async with open_async(url, records) as boundary:
            until = time.monotonic() + 5.0
            await asyncio.gather(*(storm(boundary, until, random.Random(i)) for i in range(20)))
            outcomes = await asyncio.gather(*(boundary.call(TASK, EVIDENCE) for _ in range(10)))
            return [outcome.ok for outcome in outcomes]

    with serving([0.005, ANSWER]) as url:
        assert [True] * 10 == asyncio.run(run(url))
    statuses = {status: sum(r.status == status for r in records) for status in ("ok", "cancelled")}
    assert len(records) == sum(statuses.values())
    assert statuses["cancelled"] > 100, f"the storm cut too few calls to prove anything: {statuses}"


async def by_task(call: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    task = asyncio.create_task(call())
    await asyncio.sleep(0.05)
    task.cancel()
    await task


async def by_timeout(call: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    async with asyncio.timeout(0.05):
        await call()


async def by_wait_for(call: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    await asyncio.wait_for(call(), 0.05)


async def by_scope(call: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    with anyio.fail_after(0.05):
        await call()


@pytest.mark.parametrize("cancel", [by_task, by_timeout, by_wait_for, by_scope])
def test_every_way_to_cancel_leaves_a_record_and_a_whole_pool(cancel: Any) -> None:
    """One record with status cancelled and unknown usage; the only connection of the pool works again."""
    records: list[CallRecord] = []

    async def run(url: str) -> bool:
        async with open_async(url, records, connections=1) as boundary:
            with pytest.raises((asyncio.CancelledError, TimeoutError)):
                await cancel(lambda: boundary.call(TASK, EVIDENCE))
            return (await boundary.call(TASK, EVIDENCE)).ok

    with serving([5.0], [ANSWER]) as url:
        assert asyncio.run(run(url))
    assert ["cancelled", "ok"] == [record.status for record in records]
    assert (None, None) == (records[0].usage, records[0].input_tokens)
    assert ["cancelled"] == [attempt.kind for attempt in records[0].attempts]


def test_a_call_that_waits_for_its_turn_can_be_cancelled() -> None:
    """The queue is outside the pool: whoever leaves it takes no connection along."""
    records: list[CallRecord] = []

    async def run(url: str) -> bool:
        async with open_async(url, records, connections=1) as boundary:
            first = asyncio.create_task(boundary.call(TASK, EVIDENCE))
            await asyncio.sleep(0.05)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(boundary.call(TASK, EVIDENCE), 0.02)
            return (await first).ok

    with serving([0.2, ANSWER]) as url:
        assert asyncio.run(run(url))
    assert ["cancelled", "ok"] == [record.status for record in records]


def test_ctrl_c_in_a_thread_of_sockets() -> None:
    """KeyboardInterrupt during a blocking read: one record, and the pool's only connection works again."""
    records: list[CallRecord] = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with serving([5.0], [ANSWER]) as url:
        boundary = Boundary.open("openai", url, KEY, model="practice-1", sinks=[records.append])
        main = threading.get_ident()
        timer = threading.Timer(0.1, lambda: signal.pthread_kill(main, signal.SIGINT))
        with boundary:
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                boundary.call(TASK, EVIDENCE)
            assert boundary.call(TASK, EVIDENCE).ok
    signal.signal(signal.SIGINT, before)
    assert ["cancelled", "ok"] == [record.status for record in records]
