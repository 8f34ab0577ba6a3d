"""How long to wait before the next attempt: exponential ceilings, and jitter below them.

Without jitter, a thousand clients that failed together retry together, again and again.
Without a ceiling that grows, they retry too soon; without a cap, they never come back.

    wait = Backoff(base=1.0, cap=20.0, jitter=full)
    wait.delay(1, random.random)       # uniform in [0, 1)
    wait.delay(2, random.random)       # uniform in [0, 2)

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

Random = Callable[[], float]  # uniform in [0, 1)


def ceiling(retry: int, base: float = 1.0, cap: float = 20.0) -> float:
    """Seconds: the longest wait before retry number `retry` (1, 2, 3 …): base × 1, 2, 4 …, capped.

    >>> [ceiling(n, base=1.0, cap=5.0) for n in (1, 2, 3, 4)]
    [1.0, 2.0, 4.0, 5.0]
    """
    if retry < 1:
        raise ValueError(f"retry is {retry}; the first retry is number 1")
    if retry > 64:  # 2.0 ** 1024 overflows; no cap is that far away
        return cap
    return min(cap, base * 2.0 ** (retry - 1))


# A jitter takes (ceiling, previous delay, base, cap, random) and returns seconds.
Jitter = Callable[[float, float, float, float, Random], float]


def none(top: float, previous: float, base: float, cap: float, random: Random) -> float:
    """The ceiling itself: clients that failed together come back together."""
    return top


def equal(top: float, previous: float, base: float, cap: float, random: Random) -> float:
    """Half fixed, half random: uniform in [ceiling/2, ceiling)."""
    return top / 2 + random() * top / 2


def full(top: float, previous: float, base: float, cap: float, random: Random) -> float:
    """Uniform in [0, ceiling): the widest spread that the ceiling allows."""
    return random() * top


def quarter(top: float, previous: float, base: float, cap: float, random: Random) -> float:
    """Uniform in [75%, 100%) of the ceiling, as common SDKs do: it barely spreads a herd."""
    return top * (0.75 + random() * 0.25)


def decorrelated(top: float, previous: float, base: float, cap: float, random: Random) -> float:
    """Uniform in [base, 3 × the previous delay), capped: grows by its own history, not by count."""
    widest = max(base, 3 * (previous or base))
    return min(cap, base + random() * (widest - base))


@dataclass(frozen=True, slots=True)
class Backoff:
    """A backoff policy. `base` and `cap` are seconds."""

    base: float = 1.0
    cap: float = 20.0
    jitter: Jitter = full

    def __post_init__(self) -> None:
        if not 0 <= self.base <= self.cap or not math.isfinite(self.cap):
            raise ValueError(f"base {self.base} and cap {self.cap} must satisfy 0 <= base <= cap < infinity")

    def ceiling(self, retry: int) -> float:
        """Seconds: the longest wait before this retry."""
        return ceiling(retry, self.base, self.cap)

    def delay(self, retry: int, random: Random, previous: float = 0.0) -> float:
        """Seconds to wait before retry number `retry` (from 1); `previous` is the delay before that."""
        return self.jitter(self.ceiling(retry), previous, self.base, self.cap, random)


def retry_after(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """Seconds that the provider asks us to wait, or None if it does not say so in a form we can read.

    Reads `retry-after-ms`, then `retry-after` as seconds or as an HTTP date (lower-case header names).
    A date has whole seconds only, so the wait is rounded up: never shorter than what was asked.
    `now` is wall-clock time in seconds since 1970.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None or not text:
        return seconds
    try:
        at = parsedate_to_datetime(text)
        # HTTP's old asctime form names no zone; it means UTC, never this machine's own time.
        moment = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return float(max(0, math.ceil(moment - now())))


def _number(text: str | None) -> float | None:
    """A finite number of at least 0, or None. Python reads "nan", "1_0" and "inf" as floats; we do not."""
    if text is None or not text.strip().replace(".", "", 1).isascii():
        return None
    digits = text.strip()
    return float(digits) if digits.replace(".", "", 1).isdigit() and len(digits) < 18 else None


class RetryBudget:
    """A token bucket, shared by a process, that stops a fleet from tripling an outage.

    Every call puts `per_call` tokens in, up to `capacity`; every retry takes one out; an empty bucket
    refuses. So retries stay near `per_call` of all traffic, whatever each call would like.

    Source: the Google SRE book asks for a retry ratio below 10%; gRPC and botocore keep such buckets.
    """

    __slots__ = ("_lock", "capacity", "per_call", "tokens")

    def __init__(self, capacity: float = 10.0, per_call: float = 0.1) -> None:
        """Start full. A capacity of 10 lets ten retries through before the ratio begins to bind."""
        self.capacity = self.tokens = float(capacity)
        self.per_call = per_call
        self._lock = threading.Lock()

    def called(self) -> None:
        """Count one call: it earns a part of a retry."""
        with self._lock:
            self.tokens = min(self.capacity, self.tokens + self.per_call)

    def take(self) -> bool:
        """Take one retry out, or say that there is none left. Never goes below zero."""
        with self._lock:
            if self.tokens < 1:
                return False
            self.tokens -= 1
            return True
