"""Streams on real sockets: promptness, cancellation, and nothing left behind."""

# ruff: noqa: SIM117 - what a block leaves behind is looked at between two `with` lines

from __future__ import annotations

import asyncio
import gc
import random
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from labkit.boundary import AsyncBoundary, Boundary
from labkit.contracts import Task
from labkit.deadline import Phases
from labkit.failures import Kind
from labkit.flow import Policy
from labkit.incoming import READ_AHEAD, AsyncIncoming
from labkit.lab.case import EVIDENCE, QUESTION
from labkit.live import AsyncStream
from labkit.prompts import Models
from labkit.records import CallRecord
from labkit.streaming import State
from tests.raw_server import CLOSE, RESET, Step, serving
from tests.stream_server import FAULTS, HEAD, LAST, StreamServer, chunked, stream_server
from tests.wire_streams import chat

REPLY = Task("draft_reply", "acct_10234", ("P-7",), QUESTION, "trace_1", "reply_draft@1", timeout_seconds=5.0)
KEY = "k" * 20
DESCRIPTORS = Path("/proc/self/fd")
NAMES = {
    "none": (Kind.OK, ""),
    "bytes": (Kind.OK, ""),
    "pings": (Kind.OK, ""),
    "late": (Kind.OK, ""),
    "error": (Kind.PROVIDER_ERROR, "stream_error"),
    "unmarked": (Kind.INCOMPLETE, "no_terminal_marker"),
    "reset": (Kind.INCOMPLETE, "lost_in_body"),
    "closed": (Kind.INCOMPLETE, "truncated_body"),
    "silent": (Kind.TIMEOUT, "idle"),
    "mute": (Kind.TIMEOUT, "read"),
    "503": (Kind.PROVIDER_ERROR, "http_503"),
    "page": (Kind.PROTOCOL, "not_json"),
}


def asking(fault: str, **changes: Any) -> Task:
    """A task whose question names the fault that the test's server is to show."""
    return replace(REPLY, customer_question=f"fault={fault} please", max_retries=0, **changes)


def open_async(url: str, sinks: list[Any], connections: int = 64, idle: float = 0.5) -> AsyncBoundary:
    """A boundary with a short idle limit."""
    policy = Policy(Models("practice-1"), phases=Phases(read=idle))
    return AsyncBoundary.open(
        "openai", url, KEY, model="m", policy=policy, sinks=sinks, connections=connections
    )


# ── threads ──


def whole(*, pause: float = 0.0) -> list[Step]:
    """A good stream, one event a chunk."""
    return [HEAD, *(part for event in chat() for part in (chunked(event), pause)), LAST]


def test_a_delta_is_out_when_its_bytes_are_here() -> None:
    """The first draft comes while the provider still has two seconds of the answer to send."""
    script: list[Step] = [HEAD, *(chunked(event) for event in chat()[:2]), 2.0, CLOSE]
    with serving(script) as url, Boundary.open("openai", url, KEY, model="m") as boundary:
        began = time.monotonic()
        with boundary.stream(REPLY, EVIDENCE) as stream:
            text = next(draft.text for draft in stream if draft.text)
            waited = time.monotonic() - began
    assert text == "Account "
    assert waited < 1.0


def test_another_thread_can_cancel() -> None:
    """A stream that waits on a silent provider is stopped from outside at once, and the connection closed."""
    script: list[Step] = [HEAD, *(chunked(event) for event in chat()[:2]), 30.0]
    records: list[CallRecord] = []
    with (
        serving(script) as url,
        Boundary.open("openai", url, KEY, model="m", sinks=[records.append]) as boundary,
    ):
        with boundary.stream(REPLY, EVIDENCE) as stream:
            drafts = []
            for draft in stream:
                drafts.append(draft)
                if draft.text:
                    stopper = threading.Thread(target=stream.cancel)
                    began = time.monotonic()
                    stopper.start()
            waited = time.monotonic() - began
        stopper.join()
    assert drafts[-1].state is State.CANCELLED
    assert waited < 1.0
    assert [record.status for record in records] == [Kind.CANCELLED]


def test_a_cancel_while_waiting_for_the_first_byte() -> None:
    """Before any response has come there is a socket to shut down too."""
    with serving([30.0]) as url, Boundary.open("openai", url, KEY, model="m") as boundary:
        stream = boundary.stream(REPLY, EVIDENCE)
        with stream:
            next(stream)
            timer = threading.Timer(0.2, stream.cancel)
            began = time.monotonic()
            timer.start()
            last = list(stream)[-1]
        timer.join()
    assert last.state is State.CANCELLED
    assert time.monotonic() - began < 2.0


def test_a_cancelled_stream_harms_no_other() -> None:
    """A late cancel of a stream that has ended does not reach the next one on its connection."""
    scripts: list[list[Step]] = [whole(pause=0.01), [CLOSE]]
    with serving(*scripts) as url, Boundary.open("openai", url, KEY, model="m") as boundary:
        with boundary.stream(REPLY, EVIDENCE) as first:
            list(first)
        with boundary.stream(replace(REPLY, max_retries=0), EVIDENCE) as second:
            for _ in second:
                first.cancel()
    assert [stream.outcome.ok for stream in (first, second)] == [True, True]


def test_a_whole_stream_gives_its_connection_back() -> None:
    """Three streams, one connection: what is read to its end is kept alive."""
    scripts: list[list[Step]] = [whole(), [CLOSE]]
    with serving(*scripts) as url, Boundary.open("openai", url, KEY, model="m") as boundary:
        for _ in range(3):
            with boundary.stream(replace(REPLY, max_retries=0), EVIDENCE) as stream:
                list(stream)
            assert stream.outcome.ok, stream.outcome.record.reason


@pytest.mark.parametrize(
    ("end", "reason"), [(LAST, "no_terminal_marker"), (RESET, "lost_in_body"), (CLOSE, "truncated_body")]
)
def test_a_connection_that_ends_is_named(end: Step, reason: str) -> None:
    """Ended in order, reset, cut: three ends of a connection, none of them an answer."""
    script: list[Step] = [HEAD, *(chunked(event) for event in chat()[:3]), 0.05, end]
    with serving(script) as url, Boundary.open("openai", url, KEY, model="m") as boundary:
        with boundary.stream(REPLY, EVIDENCE) as stream:
            list(stream)
    assert (stream.outcome.record.status, stream.outcome.record.reason) == (Kind.INCOMPLETE, reason)


def test_a_drip_ends_with_the_deadline() -> None:
    """One byte every 20 ms renews every read, and ends when the time is up all the same."""
    body = b"".join(map(chunked, chat()))
    script: list[Step] = [HEAD, *(part for byte in body for part in (bytes([byte]), 0.02))]
    with serving(script) as url, Boundary.open("openai", url, KEY, model="m") as boundary:
        began = time.monotonic()
        with boundary.stream(replace(REPLY, timeout_seconds=0.4), EVIDENCE) as stream:
            list(stream)
        waited = time.monotonic() - began
    assert (stream.outcome.record.status, stream.outcome.record.reason) == (Kind.TIMEOUT, "deadline")
    assert 0.35 < waited < 1.0


# ── one event loop ──


async def drain(stream: AsyncStream) -> None:
    """Read a stream to its end."""
    async for _ in stream:
        pass


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_its_name(fault: str) -> None:
    """Each way to break a stream ends in one outcome, one record, and no connection at the server."""

    async def main() -> tuple[CallRecord, int]:
        records: list[CallRecord] = []
        async with stream_server() as (server, url):
            async with open_async(url, [records.append]) as boundary:
                async with boundary.stream(asking(fault), EVIDENCE) as stream:
                    async for _ in stream:
                        pass
            await gone(server)
            assert records == [stream.outcome.record]
            return records[0], server.connections

    record, connections = asyncio.run(main())
    assert (record.status, record.reason) == NAMES[fault]
    assert connections == 0


async def gone(server: StreamServer) -> None:
    """Wait until the server has seen every connection end; it fails the test if that takes a second."""
    with anyio.fail_after(1.0):
        while server.connections:  # noqa: ASYNC110 - the server does not tell, it is looked at
            await asyncio.sleep(0.005)


def test_cancel_closes_the_connection_at_once() -> None:
    """The server sees the client leave while the stream's block is still open."""

    async def main() -> None:
        async with stream_server() as (server, url), open_async(url, []) as boundary:
            async with boundary.stream(asking("late"), EVIDENCE) as stream:
                async for draft in stream:
                    if draft.text:
                        stream.cancel()
                assert stream.outcome.record.status is Kind.CANCELLED
                await gone(server)

    asyncio.run(main())


def test_a_cancel_before_the_first_byte_closes_the_connection() -> None:
    """A provider that has not even begun to answer is left at once as well."""

    async def main() -> None:
        async with stream_server() as (server, url), open_async(url, [], idle=5.0) as boundary:
            async with boundary.stream(asking("mute"), EVIDENCE) as stream:
                asyncio.get_running_loop().call_later(0.1, stream.cancel)
                assert [draft.state async for draft in stream] == [State.STARTED, State.CANCELLED]
                await gone(server)

    asyncio.run(main())


def test_a_cancel_ends_a_reader_that_waits() -> None:
    """The provider is silent, the reader waits, a button is pressed: it is over before the idle limit."""

    async def main() -> float:
        async with stream_server() as (server, url), open_async(url, [], idle=5.0) as boundary:
            async with boundary.stream(asking("silent"), EVIDENCE) as stream:
                began = time.monotonic()
                asyncio.get_running_loop().call_later(0.1, stream.cancel)
                await drain(stream)
                await gone(server)
                assert stream.outcome.record.status is Kind.CANCELLED
                return time.monotonic() - began

    assert asyncio.run(main()) < 2.0


def test_a_slow_reader_holds_the_network_back() -> None:
    """What is read ahead is bounded: the next piece waits until one was taken."""

    async def main() -> None:
        incoming = AsyncIncoming()
        for number in range(READ_AHEAD):
            await incoming.put(b"%d" % number)
        one_more = asyncio.ensure_future(incoming.put(b"last"))
        await asyncio.sleep(0)
        assert not one_more.done()
        assert await incoming.read(1.0) == b"0"
        await one_more

    asyncio.run(main())


def test_a_reader_that_times_out_inside_the_block_has_closed_the_connection() -> None:
    """The block may go on after the stream was abandoned: the connection does not wait for its end."""

    async def main() -> None:
        records: list[CallRecord] = []
        async with stream_server() as (server, url), open_async(url, [records.append], idle=5.0) as boundary:
            async with boundary.stream(asking("silent"), EVIDENCE) as stream:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(drain(stream), 0.2)
                await gone(server)
                assert [record.status for record in records] == [Kind.CANCELLED]

    asyncio.run(main())


def test_a_native_cancel_leaves_a_record_and_no_connection() -> None:
    """A task that is cancelled in mid-stream ends as cancelled, and its call is recorded."""

    async def main() -> None:
        records: list[CallRecord] = []
        async with stream_server() as (server, url), open_async(url, [records.append], idle=5.0) as boundary:

            async def read() -> None:
                async with boundary.stream(asking("silent"), EVIDENCE) as stream:
                    async for _ in stream:
                        pass

            task = asyncio.ensure_future(read())
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await gone(server)
            assert [record.status for record in records] == [Kind.CANCELLED]

    asyncio.run(main())


def test_an_error_of_the_reader_leaves_as_itself() -> None:
    """No exception group: what the body of the loop raises is what leaves the block."""

    async def main() -> None:
        async with stream_server() as (_, url), open_async(url, []) as boundary:
            async with boundary.stream(asking("none"), EVIDENCE) as stream:
                async for draft in stream:
                    _ = 1 / (0 if draft.text else 1)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())


async def one_of_many(boundary: AsyncBoundary, number: int, draw: random.Random) -> str:
    """Read one stream with a fault, and perhaps leave it in one of the ways there are to leave."""
    fault, leave = draw.choice(FAULTS), draw.choice(["stay", "stay", "cancel", "break", "timeout", "task"])
    after = draw.uniform(0.0, 0.15)

    async def read() -> str:
        began = time.monotonic()
        async with boundary.stream(asking(fault, trace_id=f"trace_{number}"), EVIDENCE) as stream:
            async for _ in stream:
                if leave in {"cancel", "break"} and time.monotonic() - began > after:
                    if leave == "break":
                        break
                    stream.cancel()
        return stream.outcome.record.status

    if leave == "timeout":
        try:
            async with asyncio.timeout(after):
                return await read()
        except TimeoutError:
            return "left"
    task = asyncio.ensure_future(read())
    if leave == "task":
        await asyncio.sleep(after)
        task.cancel()
    try:
        return await task
    except asyncio.CancelledError:
        return "left"


def open_files() -> int:
    """File descriptors of this process."""
    gc.collect()
    return len(list(DESCRIPTORS.iterdir()))


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="counts file descriptors by /proc")
@pytest.mark.parametrize("seed", [1, 2])
def test_two_hundred_streams_leave_nothing_behind(seed: int) -> None:
    """With faults and cancels at random: one record each, no socket, task or thread left, the pool alive."""
    draw = random.Random(seed)
    records: list[CallRecord] = []

    async def main() -> tuple[list[str], list[str]]:
        async with stream_server() as (server, url):
            async with open_async(url, [records.append], connections=50) as boundary:
                many = [one_of_many(boundary, number, draw) for number in range(200)]
                ends = await asyncio.gather(*many)
                assert len(asyncio.all_tasks()) - 1 <= server.connections
                probes = []
                for number in range(200, 250):
                    async with boundary.stream(
                        asking("none", trace_id=f"trace_{number}"), EVIDENCE
                    ) as stream:
                        async for _ in stream:
                            pass
                    probes.append(stream.outcome.record.status)
            await gone(server)
        assert len(asyncio.all_tasks()) == 1
        return ends, probes

    files, threads = open_files(), threading.active_count()
    ends, probes = asyncio.run(main())
    assert set(probes) == {"ok"}
    assert sorted(record.trace_id for record in records) == sorted(f"trace_{number}" for number in range(250))
    assert {"ok", "left", "cancelled", "incomplete", "timeout"} <= set(ends)
    assert (open_files(), threading.active_count()) == (files, threads)
