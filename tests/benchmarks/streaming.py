"""What reading a stream costs: events a second against httpx-sse, and CPU a chunk against raw httpx.

    python tests/benchmarks/streaming.py             # the tables, about a minute
    python tests/benchmarks/streaming.py --quick     # fewer rounds, for a look
    python tests/benchmarks/streaming.py --json      # for other scripts

Both decoders get the same bytes in the same pieces, out of memory, through the same httpx response. For the CPU
a server in a process of its own sends chat chunks, each in a write of its own; only this process is counted.
A raw stream throws its bytes away. The boundary decodes, parses, shows a draft for each piece, checks the
answer at the two gates and writes a record. Each figure is the best of several rounds.
"""

# ruff: noqa: E501, T201 - the server is a text of its own; a benchmark prints

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx
from httpx_sse import EventSource

from labkit import AsyncBoundary, Boundary
from labkit.contracts import Task
from labkit.lab.case import EVIDENCE, QUESTION
from labkit.sse import Decoder

TASK = Task("draft_reply", "acct_10234", ("P-7",), QUESTION, "trace_1", "reply_draft@1", timeout_seconds=60.0)
KEY = "benchmark-key-not-a-secret"
PIECES = 1500
SERVER = """
import asyncio, json, socket, sys

def chunk(text, finish=None):
    choice = {"index": 0, "delta": {"content": text} if text else {}, "logprobs": None, "finish_reason": finish}
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice],
            "usage": None}
    data = b"data: " + json.dumps(body).encode() + b"\\n\\n"
    return b"%x\\r\\n%s\\r\\n" % (len(data), data)

async def serve(reader, writer):
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
            length = next(int(line[15:]) for line in head.lower().split(b"\\r\\n") if line.startswith(b"content-length:"))
            await reader.readexactly(length)
            writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-type: text/event-stream\\r\\ntransfer-encoding: chunked\\r\\n\\r\\n")
            for number in range(PIECES):
                writer.write(chunk("P-7. " if number == 0 else "word "))
                await asyncio.sleep(0.0002)
            done = b"data: [DONE]\\n\\n"
            writer.write(chunk("", "stop") + b"%x\\r\\n%s\\r\\n" % (len(done), done) + b"0\\r\\n\\r\\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


# ── decoders, out of memory ──


class Memory(httpx.SyncByteStream):
    """A response body that is already here."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)


def response(chunks: list[bytes]) -> httpx.Response:
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Memory(chunks))


def labkit_events(chunks: list[bytes]) -> int:
    decoder = Decoder()
    return sum(1 for chunk in response(chunks).iter_bytes() for _ in decoder.feed(chunk))


def httpx_sse_events(chunks: list[bytes]) -> int:
    return sum(1 for _ in EventSource(response(chunks)).iter_sse())


def event() -> bytes:
    delta = {"index": 0, "delta": {"content": "word "}, "logprobs": None, "finish_reason": None}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": "m",
        "choices": [delta],
        "usage": None,
    }
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def pieces(size: int | None, count: int) -> list[bytes]:
    whole = event() * count
    return [event()] * count if size is None else [whole[at : at + size] for at in range(0, len(whole), size)]


def best(run: Callable[[], Any], rounds: int) -> float:
    """CPU seconds of the fastest round."""
    times = []
    for _ in range(rounds):
        before = time.process_time()
        run()
        times.append(time.process_time() - before)
    return min(times)


def decoding(rounds: int) -> dict[str, dict[str, float]]:
    table = {}
    for name, size, count in (
        ("an event a chunk", None, 20_000),
        ("4 KiB", 4096, 20_000),
        ("16 bytes", 16, 2_000),
    ):
        chunks = pieces(size, count)
        ours, theirs = (
            count / best(partial(read, chunks), rounds) for read in (labkit_events, httpx_sse_events)
        )
        assert labkit_events(chunks) == httpx_sse_events(chunks) == count
        table[name] = {"labkit events/s": ours, "httpx-sse events/s": theirs, "ratio": ours / theirs}
    return table


# ── a whole stream, over a socket ──


@contextmanager
def server() -> Iterator[str]:
    source = SERVER.replace("PIECES", str(PIECES))
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait(10)


BODY = {"model": "m", "messages": [], "stream": True}


def raw_sync(url: str) -> Callable[[], None]:
    client = httpx.Client(base_url=url, timeout=60)

    def run() -> None:
        with client.stream("POST", "/v1/chat/completions", json=BODY) as reply:
            for _ in reply.iter_bytes():
                pass

    return run


def sse_sync(url: str) -> Callable[[], None]:
    client = httpx.Client(base_url=url, timeout=60)

    def run() -> None:
        with client.stream("POST", "/v1/chat/completions", json=BODY) as reply:
            text = ""
            for found in EventSource(reply).iter_sse():
                if found.data != "[DONE]":
                    text += json.loads(found.data)["choices"][0]["delta"].get("content", "")

    return run


def boundary_sync(url: str) -> Callable[[], None]:
    boundary = Boundary.open("openai", url, KEY, model="m")

    def run() -> None:
        with boundary.stream(TASK, EVIDENCE) as stream:
            drafts = sum(1 for _ in stream)
        assert stream.outcome.ok, stream.outcome
        assert drafts == PIECES + 2

    return run


def in_loop(make: Callable[[str], Any]) -> Callable[[str], Callable[[], None]]:
    """Run an async reader in a loop that stays: only the reading is measured."""

    def start(url: str) -> Callable[[], None]:
        loop = asyncio.new_event_loop()
        read = loop.run_until_complete(make(url))
        return lambda: loop.run_until_complete(read())

    return start


async def raw_async(url: str) -> Any:
    client = httpx.AsyncClient(base_url=url, timeout=60)

    async def read() -> None:
        async with client.stream("POST", "/v1/chat/completions", json=BODY) as reply:
            async for _ in reply.aiter_bytes():
                pass

    return read


async def boundary_async(url: str) -> Any:
    boundary = AsyncBoundary.open("openai", url, KEY, model="m")

    async def read() -> None:
        async with boundary.stream(TASK, EVIDENCE) as stream:
            async for _ in stream:
                pass
        assert stream.outcome.ok

    return read


READERS: dict[str, Callable[[str], Callable[[], None]]] = {
    "raw httpx, sync": raw_sync,
    "httpx + httpx-sse + json, sync": sse_sync,
    "Boundary.stream": boundary_sync,
    "raw httpx, async": in_loop(raw_async),
    "AsyncBoundary.stream": in_loop(boundary_async),
}


def reading(rounds: int) -> dict[str, float]:
    """CPU microseconds a chunk, by reader; the readers take turns."""
    with server() as url:
        readers = {name: make(url) for name, make in READERS.items()}
        found: dict[str, float] = {}
        for _ in range(rounds):
            for name, run in readers.items():
                found[name] = min(found.get(name, 1e9), best(run, 1) / PIECES * 1e6)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rounds = 2 if options.quick else 5
    figures = {"decoding": decoding(rounds), "CPU a chunk, µs": reading(rounds)}
    if options.json:
        print(json.dumps(figures))
        return
    for name, row in figures["decoding"].items():
        print(f"{name:18}", "  ".join(f"{key} {value:,.1f}" for key, value in row.items()))
    for name, value in figures["CPU a chunk, µs"].items():
        print(f"{name:32} {value:6.1f} µs a chunk")


if __name__ == "__main__":
    main()
