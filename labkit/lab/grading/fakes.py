"""Stand-ins that probes hand to a learner's code: a clock, random numbers, a provider that follows a script.

A probe that slept for real would be slow, and one that read the real clock would see other numbers each time.
They know no answers: what they follow was drawn outside and came with the case.

    clock = FakeClock()
    clock.sleep(0.5)                      # returns at once; clock() is half a second later
    Draws([0.5, 0.25])()                  # 0.5, then 0.25
    Script(["busy", "ok"])                # callable; .sent counts the calls

Standard library only: this file is what a sandbox loads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class FakeClock:
    """Seconds that pass only when somebody sleeps, or when a fake says so."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now
        self.slept: list[Any] = []

    def __call__(self) -> float:
        """Seconds now."""
        return self.now

    def sleep(self, seconds: Any) -> None:
        """Note what was asked for, and move on by that much."""
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Time passes without anybody's asking."""
        self.now += seconds


class Draws:
    """A random source that gives listed numbers, then the last one again. `taken` counts the calls."""

    def __init__(self, numbers: Sequence[float]) -> None:
        self.numbers = list(numbers)
        self.taken = 0

    def __call__(self) -> float:
        """Give the next number."""
        self.taken += 1
        return self.numbers[min(self.taken, len(self.numbers)) - 1]

    random = __call__  # for code that wants a `random.Random`


class Script:
    """Something to call that gives listed replies, then the last one again; an exception is raised.

    `sent` counts the calls, `asked` keeps their arguments.
    """

    def __init__(self, replies: Sequence[Any]) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[Any, ...]] = []

    @property
    def sent(self) -> int:
        """How often it was called."""
        return len(self.asked)

    def __call__(self, *asked: Any) -> Any:
        """Give the next reply."""
        self.asked.append(asked)
        reply = self.replies[min(self.sent, len(self.replies)) - 1]
        if isinstance(reply, BaseException):
            raise reply
        return reply
