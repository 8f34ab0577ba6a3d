"""Putting a reply on the wire, well or badly.

A mocked timeout proves nothing about sockets: pools, half-read bodies and late resets only happen
on a real connection. So these faults happen on the socket itself: the response goes out through
uvicorn as always, and the connection's transport, handed to the app in the ASGI scope, is closed
or reset at the chosen byte.

    await Delivery(reply, plan, seen)(scope, receive, send)
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from starlette.types import Receive, Scope, Send

from labkit.failures import LabkitError
from labkit.lab.provider.faults import Plan, Where, names
from labkit.lab.provider.reply import Reply
from labkit.lab.provider.state import Seen

TRANSPORT = "practice.transport"
WAIT = "practice.wait"  # the name of every task that waits, so that a test can look for left-overs
# SO_LINGER on, with zero seconds: close sends RST instead of FIN. Windows has it as two shorts.
_RST = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)

_UNMARKED = frozenset({"truncated_chunked", "reset_after_body"})  # sent in chunks, so that the end has a mark

Sleep = Callable[[float], Awaitable[None]]


class NeedsSocket(LabkitError, RuntimeError):
    """A fault that only a real connection can show was asked for in process."""

    def __init__(self, plan: Plan) -> None:
        asked = " + ".join(str(fault) for fault in plan)
        super().__init__(
            f"the fault {asked!r} needs a socket; wanted practice() or serve(), got in-process ASGI"
        )


class ClientGone(Exception):
    """The client closed its connection while the provider was still sending or waiting."""


class Link:
    """One exchange: what ASGI offers, the transport underneath, and a watch for the client leaving."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, sleep: Sleep) -> None:
        self._transport: asyncio.Transport | None = scope.get("extensions", {}).get(TRANSPORT)
        self._receive = receive
        self._send = send
        self._sleep = sleep
        self._gone: asyncio.Task[None] | None = None

    @property
    def has_socket(self) -> bool:
        """Whether a real connection is underneath."""
        return self._transport is not None

    async def start(self, status: int, headers: dict[str, str]) -> None:
        """Send the status line and the headers."""
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def body(self, data: bytes, *, more: bool) -> None:
        """Send a piece of the body; `more=False` ends the response."""
        left = self._gone is not None and self._gone.done()
        if left or (self._transport is not None and self._transport.is_closing()):
            raise ClientGone
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def pause(self, seconds: float) -> None:
        """Wait, but not for a client that has gone."""
        if seconds <= 0:
            await asyncio.sleep(0)  # a long stream must not keep others, or a reset, from being noticed
            return
        if self._gone is None:
            self._gone = asyncio.create_task(self._disconnected(), name=WAIT)
        timer = asyncio.create_task(_elapse(self._sleep, seconds), name=WAIT)
        try:
            await asyncio.wait({timer, self._gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        if self._gone.done():
            raise ClientGone

    def write_raw(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Write a response past the server, which knows nothing of it."""
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if self._transport is not None:
            self._transport.write(f"HTTP/1.1 {status} OK\r\n{head}\r\n".encode("latin-1") + body)

    async def hang_up(self, *, reset: bool) -> None:
        """Close the connection now, with FIN or with RST, and wait until it is down."""
        if self._transport is None:
            raise ClientGone
        if reset:
            sock: Any = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
            self._transport.abort()
        else:
            self._transport.close()
        await (self._gone or self._disconnected())

    async def done(self) -> None:
        """Leave no task behind."""
        if self._gone is not None:
            self._gone.cancel()
            await asyncio.wait({self._gone})

    async def _disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def _elapse(sleep: Sleep, seconds: float) -> None:
    await sleep(seconds)


class Delivery:
    """An ASGI response that sends a reply as its plan says, and notes how the exchange ended."""

    def __init__(self, reply: Reply, plan: Plan, seen: Seen, sleep: Sleep = asyncio.sleep) -> None:
        self.reply = reply
        self.seen = seen
        # A fault of streams leaves a plain response alone.
        self._plan = tuple(fault for fault in plan if reply.stream or fault.where is not Where.STREAM)
        self._names = names(self._plan)
        self._sleep = sleep
        self._number = {fault.name: fault.number for fault in self._plan}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the reply, as any ASGI response is sent."""
        link = Link(scope, receive, send, self._sleep)
        if not link.has_socket and any(fault.needs_socket for fault in self._plan):
            self.seen.ended = "refused"
            raise NeedsSocket(self._plan)
        try:
            self.seen.ended = await self._deliver(link)
        except ClientGone:
            self.seen.ended = "client_gone"
        except asyncio.CancelledError:
            self.seen.ended = "shut_down"
            raise
        finally:
            await link.done()

    async def _deliver(self, link: Link) -> str:
        for name in ("slow_first_byte", "silence"):
            if name in self._names:
                await link.pause(self._number[name])
        if self._names & {"reset_before", "lost_response", "lost_request"}:
            await link.hang_up(reset=True)
            return "reset"
        if self._names & {"close_before", "silence"} and link.has_socket:
            await link.hang_up(reset=False)
            return "closed"
        return await self._respond(link)

    async def _respond(self, link: Link) -> str:
        self.seen.status = self.reply.status
        await link.start(self.reply.status, self._headers())
        if "reset_before_body" in self._names:
            await link.hang_up(reset=True)
            return "reset"
        if not self._plan and not self.reply.stream:
            await link.body(self.reply.chunks[0], more=False)
            self.seen.sent_chunks = 1
            return "answered"
        for index, chunk in enumerate(self._chunks()):
            if index:
                await link.pause(self._gap())
            await link.body(chunk, more=True)
            self.seen.sent_chunks += 1
        return await self._finish(link)

    async def _finish(self, link: Link) -> str:
        if "stall" in self._names:
            await link.pause(3600.0)
        if self._names & {"reset_during_body", "reset_after_body", "drop_reset"}:
            await link.hang_up(reset=True)
            return "reset"
        if self._names & {"truncated", "truncated_chunked", "drop"}:
            await link.hang_up(reset=False)
            return "truncated"
        await link.body(b"", more=False)
        if "answer_twice" in self._names:
            link.write_raw(self.reply.status, self._headers(), b"".join(self.reply.chunks))
        if "reset_idle" in self._names:
            # Not at once: a reset can make the client's system throw away bytes it has not read yet.
            await self._sleep(self._number["reset_idle"])
            await link.hang_up(reset=True)
            return "reset"
        return "answered"

    def _headers(self) -> dict[str, str]:
        headers = {"content-type": self.reply.media_type, **self.reply.headers}
        if not self.reply.stream and not self._names & _UNMARKED:
            headers["content-length"] = str(sum(map(len, self.reply.chunks)))
        return headers

    def _chunks(self) -> Iterator[bytes]:
        """The chunks that will really be sent."""
        chunks = self.reply.chunks
        if self._names & {"reset_during_body", "truncated", "truncated_chunked"}:
            yield from _half(chunks, self.reply.stream)
        elif "drip" in self._names:
            yield from (bytes([byte]) for byte in b"".join(chunks))
        else:
            yield from chunks

    def _gap(self) -> float:
        return self._number.get("drip", 0.0) or self._number.get("pace", 0.0)


def _half(chunks: list[bytes], stream: bool) -> list[bytes]:
    if stream:
        return chunks[: max(1, len(chunks) // 2)]
    whole = b"".join(chunks)
    return [whole[: len(whole) // 2]]
