"""A clock for lessons: every exchange takes the same time, and a wait passes at once.

With the machine's own clock, the times in a lesson differ on every run, and a learner who compares them
with the page wonders what is broken. With this clock the requests are real and their durations are not:
each exchange counts as `exchange_s` seconds, each wait as the seconds that were asked for.

    clock = LessonClock(exchange_s=0.04)
    Boundary(adapter, clock.over(http), policy, clock=clock, sleep=clock.sleep, wall=clock.wall)
"""

from __future__ import annotations

from dataclasses import dataclass

from labkit.boundary import Transport
from labkit.deadline import Phases
from labkit.providers.base import Fault, Request, Response

LESSON_DAY = 1_790_000_000.0  # a fixed moment in September 2026, for the wall clock


class LessonClock:
    """Seconds that pass only when an exchange ends or a wait is asked for."""

    def __init__(self, exchange_s: float = 0.04) -> None:
        self.exchange_s = exchange_s
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds since the clock was made."""
        return self.now

    def wall(self) -> float:
        """Seconds since 1970, from a fixed day on."""
        return LESSON_DAY + self.now

    def sleep(self, seconds: float) -> None:
        """Let the seconds pass without waiting for them."""
        self.now += seconds

    def over(self, transport: Transport) -> Transport:
        """The same transport; each exchange moves this clock by `exchange_s`."""
        return _Timed(transport, self)


@dataclass
class _Timed:
    inner: Transport
    clock: LessonClock

    def exchange(self, request: Request, seconds: float, phases: Phases) -> Response | Fault:
        got = self.inner.exchange(request, seconds, phases)
        self.clock.sleep(min(self.clock.exchange_s, seconds))
        return got

    def close(self) -> None:
        self.inner.close()
