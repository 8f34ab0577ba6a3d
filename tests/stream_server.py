"""A server that streams on a real socket, in the test's own event loop, and fails as the question asks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator

from tests.wire_streams import chat, sse

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"
FAULTS = (
    "none",
    "bytes",
    "pings",
    "error",
    "unmarked",
    "reset",
    "closed",
    "silent",
    "mute",
    "late",
    "503",
    "page",
)


def chunked(data: bytes) -> bytes:
    """One chunk of HTTP's chunked coding."""
    return b"%x\r\n%s\r\n" % (len(data), data)


class StreamServer:
    """Counts what is open. Each request names its fault as `fault=…` in its question."""

    def __init__(self) -> None:
        self.connections = 0
        self.served: dict[str, int] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until the client leaves or the fault ends the connection."""
        self.connections += 1
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line[15:])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                )
                body = json.loads(await reader.readexactly(length))
                fault = body["messages"][1]["content"].partition("fault=")[2].split()[0]
                self.served[fault] = self.served.get(fault, 0) + 1
                if not await self.answer(fault, reader, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connections -= 1
            writer.close()

    async def answer(self, fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Send one response. False when the connection must not be used again."""
        if fault in {"503", "page"}:
            status = b"503 Busy" if fault == "503" else b"200 OK"
            writer.write(
                b"HTTP/1.1 " + status + b"\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"
            )
            return True
        events = chat()
        if fault == "mute":
            return await self.stop("silent", reader, writer)
        writer.write(HEAD)
        if fault == "bytes":
            whole = b"".join(events)
            events = [whole[start : start + 40] for start in range(0, len(whole), 40)]
        for number, event in enumerate(events):
            if number == 3 and fault in {"reset", "closed", "silent", "error"}:
                return await self.stop(fault, reader, writer)
            if fault == "unmarked" and event == events[-1]:
                break
            if fault == "pings":
                writer.write(chunked(b": ping\n\n") * 20)
            writer.write(chunked(event))
            await writer.drain()
            await asyncio.sleep(0.1 if fault == "late" else 0.002)
        writer.write(LAST)
        await writer.drain()
        return True

    async def stop(self, fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Break off in the middle."""
        if fault == "error":
            writer.write(chunked(sse({"error": {"code": "server_error"}})) + LAST)
            return True
        if fault == "silent":
            await asyncio.wait_for(reader.read(1), 30)  # until the client leaves
        if fault == "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        return False


@contextlib.asynccontextmanager
async def stream_server() -> AsyncIterator[tuple[StreamServer, str]]:
    """Serve on a free port of the loopback; every connection is closed at the end."""
    state = StreamServer()
    tasks: set[asyncio.Task[None]] = set()

    def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(state.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(start, "127.0.0.1", 0)
    try:
        yield state, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
