"""A response that is still coming in: read it piece by piece, with a limit on each wait, and let go at once.

Iterating an HTTP client's response gives no limit on one wait, no way to stop it from another thread, and,
under asyncio, a pool that cancellation damages.
An `Incoming` has `read(seconds)`, `close()`, and a way to cancel.

    head = incoming.head               # status and headers
    incoming.read(5.0)                 # b"data: …", b"" at the end, or Fault(TIMEOUT, "read")

labkit/transport.py makes them.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import anyio

from labkit.failures import Kind
from labkit.providers.base import Fault, Response

READ_AHEAD = 16  # chunks that may wait for a slow reader; then the provider waits


class Canceller:
    """Cancels a blocking exchange from another thread: the socket it waits on is shut down under it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.cancelled = threading.Event()

    def watch(self, connection: socket.socket | None) -> bool:
        """Name the socket that is about to block. True when it is too late for that."""
        with self._lock:
            self._socket = connection
            return self.cancelled.is_set()

    def cancel(self) -> None:
        """Stop the exchange now, or before it starts. From any thread, any number of times."""
        with self._lock:
            self.cancelled.set()
            if self._socket is not None:
                with contextlib.suppress(OSError):  # it may be closed already, which is as well
                    self._socket.shutdown(socket.SHUT_RDWR)


class Incoming:
    """For threads. `parts` gives bytes, or a last `Fault`; `limit` sets how long the next part may take."""

    def __init__(
        self,
        head: Response,
        parts: Iterator[bytes | Fault],
        limit: Callable[[float, Canceller | None], object],
        close: Callable[[], None],
        canceller: Canceller | None = None,
    ) -> None:
        self.head = head
        self._parts = parts
        self._limit = limit
        self._close = close
        self._canceller = canceller

    def read(self, seconds: float) -> bytes | Fault:
        """The next bytes, b"" at the end, or what went wrong."""
        self._limit(seconds, self._canceller)
        return next(self._parts, b"")

    def close(self) -> None:
        """Close the connection, or, when all of it was read, give it back."""
        if self._canceller is not None:
            self._canceller.watch(None)  # the next user of the connection must not be cancelled with us
        self._close()


class AsyncIncoming:
    """For one event loop. A task of its own talks to the network; this end only ever waits on a queue.

    So a reader can be cancelled at any point, in any way, and the connection is still closed in order.
    """

    def __init__(self) -> None:
        self.head: Response | None = None
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()
        self._items: deque[Any] = deque()
        self._more = anyio.Event()
        self._room = anyio.Event()

    async def put(self, item: Response | bytes | Fault | Exception) -> None:
        """Hand over what came, once there is room for it."""
        while len(self._items) >= READ_AHEAD:
            self._room = anyio.Event()
            await self._room.wait()
        self._items.append(item)
        self._more.set()

    def finish(self) -> None:
        """Nothing more will come."""
        self.ended.set()
        self._more.set()

    def interrupt(self) -> None:
        """End a `read` that waits, at once."""
        self._more.set()

    async def read(self, seconds: float, late: str = "read") -> Any:
        """The next item: the head, then bytes, b"" at the end, or what went wrong. `late` names a timeout."""
        if not self._items and not self.ended.is_set():
            self._more = anyio.Event()
            with anyio.move_on_after(seconds):
                await self._more.wait()
        if not self._items:
            return b"" if self.ended.is_set() else Fault(Kind.TIMEOUT, late)
        item = self._items.popleft()
        self._room.set()
        if isinstance(item, Exception):
            raise item
        return item

    async def close(self) -> None:
        """Close the connection, unless all of it was read; done when this returns."""
        self.scope.cancel()
        await self.ended.wait()
