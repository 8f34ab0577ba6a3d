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
from labkit.failures import Kind
from labkit.incoming import Canceller, Incoming
from labkit.providers.base import Fault, Request, Response

EVENT_END = b"\n\n"
LESSON_DAY = 1_790_000_000.0  # a fixed moment in September 2026, for the wall clock


class LessonClock:
    """Seconds that pass only when an exchange ends or a wait is asked for."""

    def __init__(self, exchange_s: float = 0.04, chunk_s: float = 0.02) -> None:
        self.exchange_s = exchange_s
        self.chunk_s = chunk_s  # between two events of a stream
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
        timed_out = isinstance(got, Fault) and got.kind is Kind.TIMEOUT
        self.clock.sleep(seconds if timed_out else min(self.clock.exchange_s, seconds))
        return got

    def open(
        self, request: Request, seconds: float, phases: Phases, canceller: Canceller | None = None
    ) -> Incoming | Fault:
        got: Incoming | Fault = self.inner.open(request, seconds, phases, canceller)  # type: ignore[attr-defined]
        self.clock.sleep(self.clock.exchange_s)
        return got if isinstance(got, Fault) else _TimedIncoming(got, self.clock)

    def close(self) -> None:
        self.inner.close()


class _TimedIncoming(Incoming):
    """A stream, one event a read: how the network cuts it differs on every run, and so would the times."""

    def __init__(self, inner: Incoming, clock: LessonClock) -> None:
        self.head, self._inner, self._clock, self._bytes = inner.head, inner, clock, b""

    def read(self, seconds: float) -> bytes | Fault:
        while EVENT_END not in self._bytes:
            part = self._inner.read(seconds)
            if isinstance(part, Fault):
                self._clock.sleep(seconds if part.kind is Kind.TIMEOUT else self._clock.chunk_s)
                return part
            self._bytes += part
            if not part:
                rest, self._bytes = self._bytes, b""
                return rest
        event, _, self._bytes = self._bytes.partition(EVENT_END)
        self._clock.sleep(self._clock.chunk_s)
        return event + EVENT_END

    def close(self) -> None:
        self._inner.close()
