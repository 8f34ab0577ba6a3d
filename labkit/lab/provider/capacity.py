"""A provider that can be busy: a rate limit, and room for so many calls at once.

Retry advice is abstract until a herd meets a limit. With a capacity set, too many calls a second
are 429s that say when to come back, and calls beyond the room wait in a queue, then are turned away.

    practice(capacity=Capacity(per_second=20, burst=5))
    practice(capacity=Capacity(at_once=4, queue=8, seconds=0.05))
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from labkit.lab.provider.problems import Problem
from labkit.lab.provider.state import State
from labkit.lab.provider.wire import Sleep


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the provider can take. None is no limit; `seconds` is how long each call takes."""

    per_second: float | None = None
    burst: int = 1
    at_once: int | None = None
    queue: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if (
            (self.per_second is not None and self.per_second <= 0)
            or (self.at_once or 1) < 1
            or self.burst < 1
        ):
            raise ValueError(f"{self}: wanted per_second above 0, at_once and burst of at least 1")


class Gate:
    """Lets calls in, makes them wait, or turns them away."""

    def __init__(self, capacity: Capacity, state: State, sleep: Sleep) -> None:
        self.capacity = capacity
        self._now = state.now
        self._sleep = sleep
        self._tokens = float(capacity.burst)
        self._filled = state.now()
        self._inside = 0
        self._waiting: list[asyncio.Future[None]] = []

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """Hold one place for as long as the block lasts. Raises a 429 or a 529."""
        self._take_token()
        await self._take_place()
        try:
            await self._sleep(self.capacity.seconds)
            yield
        finally:
            self._leave()

    def _take_token(self) -> None:
        rate = self.capacity.per_second
        if rate is None:
            return
        now = self._now()
        self._tokens = min(float(self.capacity.burst), self._tokens + (now - self._filled) * rate)
        self._filled = now
        if self._tokens < 1:
            wait = (1 - self._tokens) / rate
            headers = {"retry-after": str(math.ceil(wait)), "retry-after-ms": str(math.ceil(wait * 1000))}
            raise Problem(429, "rate_limit_exceeded", "Rate limit reached for requests.", headers=headers)
        self._tokens -= 1

    async def _take_place(self) -> None:
        if self.capacity.at_once is None or self._inside < self.capacity.at_once:
            self._inside += 1
            return
        if len(self._waiting) >= self.capacity.queue:
            raise Problem(529, "server_overloaded", "Every place is taken and the queue is full.")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            else:
                self._waiting.remove(turn)
            raise

    def _leave(self) -> None:
        """Hand the place to the next in line, so that nobody can slip in between."""
        if self._waiting:
            self._waiting.pop(0).set_result(None)
        else:
            self._inside -= 1
