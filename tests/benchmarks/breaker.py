"""Would a circuit breaker help? The same crowds with and without one, in virtual time.

    python tests/benchmarks/breaker.py

The breaker is the usual one: it opens when half of at least 20 replies within 10 s are failures, stays open
for 5 s, then lets one request through to see. A retry budget is tried with it and without.

Measured: in each outage fewer calls end well with a breaker than without, since the crowd waits for its
probe after the provider is back. It spares the provider requests, and callers that fail anyway fail sooner;
in an outage the budget does most of that at a smaller price. (Its price shows where 30% of requests fail at
random: there it refuses retries that would have helped.) So the library has a budget and no breaker.
"""
# ruff: noqa: T201 - a benchmark prints what it measured

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from random import Random

from labkit.backoff import Backoff, RetryBudget
from labkit.deadline import Phases
from labkit.failures import Kind
from labkit.flow import Policy
from labkit.lab.case import TASK
from labkit.lab.station import Answers, Heard, Outage, Provider, Station
from labkit.lab.wire import ok_response, problem_response
from labkit.lab.world import Crowd, simulate
from labkit.prompts import Models
from labkit.providers.base import Fault, Request, Response

PATIENCE_S = 4.0
WINDOW_S, OPEN_S, LEAST, SHARE = 10.0, 5.0, 20, 0.5


@dataclass(frozen=True)
class Guarded:
    """A provider behind the callers' shared breaker."""

    inner: Answers

    def open(self, provider: str, request: Request, random: Random) -> Station:
        """Start closed."""
        return Breaker(self.inner.open(provider, request, random))


class Breaker:
    """Closed, open until a time, or waiting for its one probe."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.coming: list[tuple[float, int, bool]] = []  # replies on their way: when, which, good or not
        self.recent: deque[tuple[float, bool]] = deque()
        self.open_until: float | None = None
        self.probe: int | None = None
        self.sent = 0

    @property
    def served(self) -> int:
        """What the provider behind it served."""
        return self.station.served

    def hear(self, now: float) -> Heard:
        """Refuse at once, or pass the request on."""
        self.learn(now)
        if self.open_until is not None and (now < self.open_until or self.probe is not None):
            return now, Fault(Kind.OVERLOADED, "breaker_open")
        self.sent += 1
        if self.open_until is not None:
            self.probe = self.sent
        at, heard = self.station.hear(now)
        good = isinstance(heard, Response) and heard.status == 200 and at < now + PATIENCE_S
        heappush(self.coming, (min(at, now + PATIENCE_S), self.sent, good))
        return at, heard

    def learn(self, now: float) -> None:
        """Take in the replies that have come since."""
        while self.coming and self.coming[0][0] <= now:
            at, number, good = heappop(self.coming)
            if number == self.probe:
                self.probe, self.open_until = None, None if good else at + OPEN_S
                self.recent.clear()
            elif self.open_until is None:
                self.recent.append((at, good))
        while self.recent and self.recent[0][0] < now - WINDOW_S:
            self.recent.popleft()
        failed = sum(not good for _, good in self.recent)
        if self.open_until is None and len(self.recent) >= LEAST and failed >= SHARE * len(self.recent):
            self.open_until = now + OPEN_S


@dataclass(frozen=True)
class Flaky:
    """A provider that fails a share of all requests, at random."""

    share: float

    def open(self, provider: str, request: Request, random: Random) -> Station:
        """Roll the dice for each request."""
        good, bad = ok_response(provider, request), problem_response(provider, "unavailable")

        class Dice:
            served = 0

            def hear(self, now: float, share: float = self.share) -> Heard:
                if random.random() < share:
                    return now + 0.02, bad
                self.served += 1
                return now + 0.12, good

        return Dice()


def main() -> None:
    """4,000 callers over 40 s, two retries, 8 s each; capacity 150 a second where nothing else is said."""
    able = {"workers": 15, "queue": 10**6, "service_s": 0.1, "spread": 0.3}
    providers: dict[str, Answers] = {
        "healthy": Provider(**able),
        "503s from 10 to 20 s": Provider(**able, outages=(Outage(10, 20),)),
        "silent from 10 to 20 s": Provider(**able, outages=(Outage(10, 20, silent=True),)),
        "a tenth too slow, endless queue": Provider(**{**able, "workers": 9}),
        "a tenth too slow, queue of 30": Provider(**{**able, "workers": 9, "queue": 30}),
        "30% of requests fail": Flaky(0.3),
        "55% of requests fail": Flaky(0.55),
    }
    crowd = Crowd(4000, over_s=40, task=replace(TASK, max_retries=2, timeout_seconds=8.0))
    print(f"{'provider':34}{'policy':20}{'answered':>10}{'requests':>10}{'a failure takes':>17}")
    for name, provider in providers.items():
        for budget in (None, RetryBudget(50, 0.1)):
            for breaker in (False, True):
                policy = Policy(Models("practice-model"), Backoff(0.5, 8.0), Phases(read=PATIENCE_S), budget)
                run = simulate(crowd, Guarded(provider) if breaker else provider, policy)
                calls, attempts = run.calls(), run.attempts()
                failed = calls[calls["status"] != "ok"]
                wait = (failed["ended_s"] - failed["began_s"]).median() if len(failed) else 0.0
                words = ("budget" if budget else "no budget") + (" + breaker" if breaker else "")
                sent = int((attempts["took_s"] > 0).sum())
                print(f"{name:34}{words:20}{len(calls) - len(failed):>10}{sent:>10}{wait:>15.2f} s")


if __name__ == "__main__":
    main()
