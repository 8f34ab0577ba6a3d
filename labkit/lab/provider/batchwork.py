"""The work of one batch: which requests are done by when, and what came of each.

A batch is asked for today and read tomorrow, so a client must cope with every state in between:
half done, expired, cancelled, or finished with requests that turn up nowhere. The state here follows
from the provider's clock alone, so a test moves the clock and never waits.

    work = Work(ids, run, asked_at=now, seconds=60.0)
    work.phase(now)         # Phase.RUNNING
    await work.settled(now) # outcomes of what is done by now, computed once
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

DAY = 86_400.0
CANCEL_SHARE = 0.05  # of the batch's time, for what is under way to come in

Outcome = TypeVar("Outcome")


class Phase(StrEnum):
    """Where a batch stands, in neutral words."""

    VALIDATING = "validating"
    RUNNING = "running"
    FINALIZING = "finalizing"
    DONE = "done"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class Work(Generic[Outcome]):
    """`count` requests, taken up evenly over `seconds`. `run(index)` answers one.

    `fail_every` and `loses` are faults: every nth request fails, so many are never accounted for.
    """

    count: int
    run: Callable[[int], Outcome]
    asked_at: float
    seconds: float
    order: random.Random
    loses: int = 0
    cancelled_at: float | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    def phase(self, now: float) -> Phase:
        """The state at `now`."""
        if self.cancelled_at is not None:
            over = now - self.cancelled_at >= self.seconds * CANCEL_SHARE
            return Phase.CANCELLED if over else Phase.CANCELLING
        elapsed = now - self.asked_at
        if elapsed >= min(self.seconds, DAY):
            return Phase.DONE if self.seconds <= DAY else Phase.EXPIRED
        if elapsed < self.seconds * 0.1:
            return Phase.VALIDATING
        return Phase.FINALIZING if elapsed >= self.seconds * 0.9 else Phase.RUNNING

    def ended_at(self) -> float:
        """When this work is, was or would be over, in epoch seconds."""
        if self.cancelled_at is not None:
            return self.cancelled_at + self.seconds * CANCEL_SHARE
        return self.asked_at + min(self.seconds, DAY)

    def is_over(self, now: float) -> bool:
        """Whether nothing more will happen."""
        return self.phase(now) in (Phase.DONE, Phase.EXPIRED, Phase.CANCELLED)

    def done(self, now: float) -> int:
        """How many requests are answered by `now`: none before 10% of the time, all at 90%."""
        until = min(now, self.cancelled_at if self.cancelled_at is not None else now, self.asked_at + DAY)
        share = 1.0 if self.seconds <= 0 else ((until - self.asked_at) / self.seconds - 0.1) / 0.8
        return round(self.count * min(1.0, max(0.0, share)))

    def cancel(self, now: float) -> None:
        """Stop; what is over stays as it is."""
        if self.cancelled_at is None and not self.is_over(now):
            self.cancelled_at = now

    async def settled(self, now: float) -> list[Outcome]:
        """The outcomes of the requests that are done by `now`, in the order in which they were asked for."""
        while len(self.outcomes) < self.done(now):
            self.outcomes.append(self.run(len(self.outcomes)))
            if len(self.outcomes) % 200 == 0:
                await asyncio.sleep(0)  # a batch of 50,000 must not stop every other answer
        return self.outcomes

    def shuffled(self, count: int) -> list[int]:
        """Which of `count` outcomes turn up, and in what order: not the order of the requests."""
        indexes = list(range(count))
        self.order.shuffle(indexes)
        return indexes[self.loses :] if self.loses else indexes
