"""What holds of every wait, whatever the policy, the luck and the header."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from labkit import backoff
from labkit.backoff import Backoff, RetryBudget, ceiling, retry_after

JITTERS = [backoff.none, backoff.equal, backoff.full, backoff.quarter, backoff.decorrelated]
UNDER_THE_CEILING = JITTERS[:-1]

luck = st.floats(0, 1, exclude_max=True)
retries = st.integers(1, 200)


@st.composite
def policies(draw, jitters=JITTERS):
    """A valid policy: base at most cap."""
    base, cap = sorted(draw(st.tuples(*[st.floats(0, 1e4)] * 2)))
    return Backoff(base, cap, draw(st.sampled_from(jitters)))


@given(policies(UNDER_THE_CEILING), retries, luck, st.floats(0, 1e5))
def test_a_delay_lies_between_nothing_and_its_ceiling(policy, retry, lucky, previous) -> None:
    """No luck and no history takes a wait above the ceiling that the record shows."""
    assert 0 <= policy.delay(retry, lambda: lucky, previous) <= policy.ceiling(retry)


@given(policies([backoff.decorrelated]), retries, luck, st.floats(0, 1e5))
def test_a_decorrelated_delay_lies_between_base_and_cap(policy, retry, lucky, previous) -> None:
    """It does not count retries, so the cap is the only ceiling it has."""
    assert policy.base <= policy.delay(retry, lambda: lucky, previous) <= policy.cap


@given(policies(), retries)
def test_ceilings_never_fall_and_stop_at_the_cap(policy, retry) -> None:
    """Each ceiling is at least the one before, and none is above the cap."""
    assert policy.ceiling(retry) <= policy.ceiling(retry + 1) <= policy.cap


@given(st.floats(0.001, 100), st.integers(1, 40))
def test_a_ceiling_doubles_until_the_cap(base, retry) -> None:
    """Below the cap each ceiling is twice the last."""
    assert ceiling(retry + 1, base, float("inf")) == 2 * ceiling(retry, base, float("inf"))


def test_the_ceilings_of_the_lesson() -> None:
    """1, 2, 4 … seconds, then the cap."""
    assert [Backoff(1.0, 20.0).ceiling(n) for n in range(1, 8)] == [1, 2, 4, 8, 16, 20, 20]


def test_full_jitter_at_one_half_is_half_the_ceiling() -> None:
    """The lesson's fixed random source of 0.5 gives delays of 0.5 and 1.0 seconds."""
    assert [Backoff().delay(n, lambda: 0.5) for n in (1, 2)] == [0.5, 1.0]


def test_full_jitter_reaches_both_ends_and_a_quarter_does_not() -> None:
    """What spreads a herd is the low end: 75–100% jitter never uses the lower three quarters."""
    assert Backoff(jitter=backoff.full).delay(3, lambda: 0.0) == 0.0
    assert Backoff(jitter=backoff.quarter).delay(3, lambda: 0.0) == 3.0


@pytest.mark.parametrize(
    ("base", "cap"), [(2.0, 1.0), (-1.0, 1.0), (1.0, float("inf")), (float("nan"), 1.0), (1.0, float("nan"))]
)
def test_a_policy_that_makes_no_sense_is_refused(base, cap) -> None:
    """A base above the cap, a negative one, or an endless cap is a mistake to hear about at once."""
    with pytest.raises(ValueError, match="must satisfy 0 <= base <= cap"):
        Backoff(base, cap)


@given(st.integers(max_value=0))
def test_retries_are_counted_from_one(retry) -> None:
    """A retry number of 0 or less is a mistake in the caller, not a short wait."""
    with pytest.raises(ValueError, match="the first retry is number 1"):
        ceiling(retry)


# ── Retry-After ─────────────────────────────────────────────────────────────────────────────────


@given(st.integers(0, 4_000_000_000), st.floats(0, 3600), st.booleans())
def test_an_http_date_is_never_answered_early(date, ahead, asctime) -> None:
    """However the clock's fraction falls, the wait ends at the date or after it, within a second."""
    moment = datetime.fromtimestamp(date, UTC)
    text = moment.strftime("%a %b %d %H:%M:%S %Y") if asctime else format_datetime(moment, usegmt=True)
    now = date - ahead

    wait = retry_after({"retry-after": text}, lambda: now)

    assert wait is not None
    assert date <= now + wait < date + 1 + 1e-6


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system cannot change its zone in a process")
def test_a_date_without_a_zone_is_utc_everywhere(monkeypatch) -> None:
    """HTTP's oldest date form names no zone; a machine in New York must not wait five hours for it."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert retry_after({"retry-after": "Thu Jan  1 00:00:05 1970"}, lambda: 0.0) == 5.0
    finally:
        monkeypatch.undo()
        time.tzset()


@given(st.integers(0, 10**6))
def test_seconds_are_taken_as_they_are(seconds) -> None:
    """A number of seconds is waited in full; 0 means at once."""
    assert retry_after({"retry-after": str(seconds)}) == seconds


@given(st.integers(0, 10**6), st.integers(0, 100))
def test_milliseconds_win_over_seconds(milliseconds, seconds) -> None:
    """The finer header is the one that was meant."""
    headers = {"retry-after": str(seconds), "retry-after-ms": str(milliseconds)}

    assert retry_after(headers) == milliseconds / 1000


@given(st.text(max_size=40))
def test_any_text_gives_a_wait_or_none(text) -> None:
    """A header is whatever a server wrote: it never raises, and never gives a negative or endless wait."""
    for name in ("retry-after", "retry-after-ms"):
        wait = retry_after({name: text})
        assert wait is None or 0 <= wait < 1e18


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "nan", "inf", "1e9", "٣", "0x10", "Wed, 99 Foo 2026 00:00:00 GMT"]
)
def test_a_header_that_says_nothing_is_no_wait(text) -> None:
    """None means: not said. The policy's own delay is used then."""
    assert retry_after({"retry-after": text}) is None


# ── the retry budget ────────────────────────────────────────────────────────────────────────────


class BudgetMachine(RuleBasedStateMachine):
    """Calls and retries in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.budget = RetryBudget(capacity=5, per_call=0.1)
        self.calls = self.retries = 0

    @rule(times=st.integers(1, 30))
    def call(self, times) -> None:
        """Some calls start."""
        for _ in range(times):
            self.budget.called()
        self.calls += times

    @rule()
    def retry(self) -> None:
        """A call would like to retry."""
        before = self.budget.tokens
        granted = self.budget.take()
        assert granted == (before >= 1)
        self.retries += granted

    @invariant()
    def never_below_zero_nor_above_capacity(self) -> None:
        """The bucket holds between nothing and its capacity."""
        assert 0 <= self.budget.tokens <= 5

    @invariant()
    def retries_stay_near_a_tenth_of_calls(self) -> None:
        """Whatever each call would like, retries are at most capacity plus a tenth of the calls."""
        assert self.retries <= 5 + 0.1 * self.calls + 1e-6


TestBudget = BudgetMachine.TestCase


def test_threads_together_take_no_more_than_there_is() -> None:
    """Looking into the bucket and taking from it is one step, so a thousand threads share ten tokens."""
    budget = RetryBudget(capacity=10, per_call=0)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            granted = list(pool.map(lambda _: budget.take(), range(1000)))
    finally:
        sys.setswitchinterval(interval)

    assert sum(granted) == 10
    assert budget.tokens == 0
