"""What a provider can bear: a rate limit, a few workers, a queue, and days when it is down.

A provider that always answers makes every retry policy look good. The difference shows when there is
less capacity than demand, and that is what these two descriptions are for::

    Provider(per_second=20, burst=6)                            # a rate limit: 429 above it
    Provider(workers=8, queue=40, service_s=0.3, spread=0.5)    # a queue: 529 when it is full
    Script("silence", "429", "ok")                              # or simply one answer after the other

`world.simulate` runs callers against either. All times are seconds of virtual time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from random import Random
from typing import Protocol

from labkit.lab.provider.faults import Where, first, parse
from labkit.lab.wire import ok_response, problem_response
from labkit.providers.base import Fault, Request, Response

EPOCH = 1_767_225_600.0  # 2026-01-01: virtual time 0 has a date, for HTTP dates
Heard = tuple[float, Response | Fault | None]


class Station(Protocol):
    """A provider at work. `served` counts the replies that it did the work for."""

    served: int

    def hear(self, now: float) -> Heard:
        """When the request that is sent now is answered, and with what: None for silence."""


class Answers(Protocol):
    """A description of a provider that can be put to work."""

    def open(self, provider: str, request: Request, random: Random) -> Station:
        """Start with an empty queue and a full bucket, speaking the wire format named `provider`."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A window in which the provider answers 503, or nothing at all when it is `silent`."""

    start_s: float
    end_s: float
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider with a capacity.

    A rate limit (`per_second`, a token bucket of `burst`) answers 429, with Retry-After if it is given.
    `workers` serve requests one after another; up to `queue` wait for one, more are answered 529.
    A reply takes `service_s` (the median of a log-normal whose sigma is `spread`) and `network_s` each way.
    """

    per_second: float | None = None
    burst: float = 1.0
    retry_after_s: float | None = None
    workers: int | None = None
    queue: int = 0
    service_s: float = 0.0
    spread: float = 0.0
    network_s: float = 0.01
    outages: tuple[Outage, ...] = ()

    def __post_init__(self) -> None:
        if self.per_second is not None and (self.per_second <= 0 or self.burst < 1):
            raise ValueError(
                f"per_second is {self.per_second} and burst is {self.burst}: nothing would get through; "
                "wanted per_second above 0 and burst of at least 1"
            )
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"workers is {self.workers}; wanted at least 1, or None for no limit")
        least = min(self.queue, self.service_s, self.spread, self.network_s)
        if least < 0:
            raise ValueError(f"queue, service_s, spread and network_s must be at least 0; one is {least}")

    def open(self, provider: str, request: Request, random: Random) -> Station:
        """Put it to work."""
        ok = ok_response(provider, request)
        return _Working(self, random, ok, lambda fault: problem_response(provider, fault))


class _Working:
    def __init__(
        self, provider: Provider, random: Random, ok: Response, problem: Callable[[str], Response]
    ) -> None:
        self.provider = provider
        self.random = random
        self.ok = ok
        wait = provider.retry_after_s
        self.limited = problem("429" if wait is None else f"rate_limit_after:{wait:g}")
        self.down, self.busy = problem("unavailable"), problem("overloaded")
        self.tokens, self.counted_at = provider.burst, 0.0
        self.free_at = [0.0] * (provider.workers or 0)
        self.waiting: list[float] = []  # when each queued request gets its worker
        self.served = 0

    def hear(self, now: float) -> Heard:
        """Answer what is sent now."""
        way = self.provider.network_s
        leaves_at, response = self._answer(now + way)
        return leaves_at + way, response

    def _answer(self, now: float) -> tuple[float, Response | None]:
        for outage in self.provider.outages:
            if outage.start_s <= now < outage.end_s:
                return now, None if outage.silent else self.down
        if not self._admitted(now):
            return now, self.limited
        if self.provider.workers is None:
            self.served += 1
            return now + self._service(), self.ok
        while self.waiting and self.waiting[0] <= now:
            heappop(self.waiting)
        start = max(now, self.free_at[0])
        if start > now:
            if len(self.waiting) >= self.provider.queue:
                return now, self.busy
            heappush(self.waiting, start)
        end = start + self._service()
        heapreplace(self.free_at, end)
        self.served += 1
        return end, self.ok

    def _admitted(self, now: float) -> bool:
        rate = self.provider.per_second
        if rate is None:
            return True
        self.tokens = min(self.provider.burst, self.tokens + (now - self.counted_at) * rate)
        self.counted_at = now
        # The sum of many small refills may miss 1 by a rounding error.
        if self.tokens < 1 - 1e-9:
            return False
        self.tokens -= 1
        return True

    def _service(self) -> float:
        median, spread = self.provider.service_s, self.provider.spread
        return median * math.exp(spread * self.random.gauss(0.0, 1.0)) if spread else median


class Script:
    """A provider that answers from a list, one entry for each request, and well after the last.

    An entry is a fault of the practice provider by name ("429", "silence", "slow_first_byte:10",
    "window_90"), "ok", or a response or a network fault as it is. Each takes `takes_s`.
    """

    def __init__(self, *entries: str | Response | Fault, takes_s: float = 0.04) -> None:
        self.entries = entries
        self.takes_s = takes_s

    def open(self, provider: str, request: Request, random: Random) -> Station:  # noqa: ARG002 - no chance here
        """Start at the first entry."""
        return _Reading(self, provider, request)


class _Reading:
    def __init__(self, script: Script, provider: str, request: Request) -> None:
        self.entries = (*script.entries, "ok")
        self.takes_s, self.provider, self.request = script.takes_s, provider, request
        self.served = self.place = 0

    def hear(self, now: float) -> Heard:
        """Answer what is sent now with the next entry."""
        entry = self.entries[min(self.place, len(self.entries) - 1)]
        self.place += 1
        at, heard = self._answer(entry, now)
        self.served += isinstance(heard, Response) and heard.status == 200
        return at, heard

    def _answer(self, entry: str | Response | Fault, now: float) -> Heard:
        at = now + self.takes_s
        if not isinstance(entry, str):
            return at, entry
        plan = parse(entry)
        status, wire = first(plan, Where.STATUS), first(plan, Where.WIRE)
        if wire is not None and wire.name == "silence":
            return math.inf, None
        if wire is not None and wire.name == "slow_first_byte":
            at += wire.number
        if status is not None:
            return at, problem_response(self.provider, str(status), EPOCH + at)
        return at, ok_response(self.provider, self.request, entry)
