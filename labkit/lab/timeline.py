"""One call as events in three lanes: what the product sees, what the provider does, what operations decides.

A log line per call says how it ended, and hides the wait in the middle. Side by side in time, the lanes show
who was busy while the person waited. The events come from the record alone, so any recorded call can be
shown, yesterday's too.

    for event in events(outcome.record):
        print(event)                  #   540 ms  provider    attempt 2: 200, ok
    as_table(outcome.record)          # the same as rows
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from labkit.failures import NEXT_STEP, Kind, classify
from labkit.lab.present import Table
from labkit.records import Attempt, CallRecord

PRODUCT, PROVIDER, OPERATIONS = LANES = ("product", "provider", "operations")

# Ends that a gate decides, after a reply that was received in full.
_GATES = {Kind.INVALID_OUTPUT: "schema gate", Kind.UNSUPPORTED_DECISION: "business gate"}


@dataclass(frozen=True, slots=True)
class Event:
    """Something in one lane. Times are milliseconds from the start of the call; `lasts_ms` is 0 for a moment.

    `what` is one of receive, attempt, classify, wait, gate, answer, failure, record; `good` is None where
    there is nothing to succeed or fail.
    """

    at_ms: float
    lane: str
    what: str
    text: str
    short: str
    lasts_ms: float = 0.0
    good: bool | None = None

    def __str__(self) -> str:
        return f"{self.at_ms:>8,.0f} ms  {self.lane:<10}  {self.text}"


def events(record: CallRecord) -> tuple[Event, ...]:
    """The events of a finished call, in order."""
    return tuple(_events(record))


def _events(record: CallRecord) -> Iterator[Event]:
    yield Event(0.0, PRODUCT, "receive", f"asks: {record.task}", "asks")
    last = len(record.attempts)
    for attempt in record.attempts:
        if attempt.number > 1:
            yield _wait(attempt)
        yield _attempt(attempt)
        if attempt.status == "failed":
            yield _classify(attempt, final=attempt.number == last)
    end = record.latency_ms
    if record.status is Kind.OK:
        yield Event(end, OPERATIONS, "gate", "schema gate and business gate: passed", "gates", good=True)
        yield Event(end, PRODUCT, "answer", "gets a typed, validated result", "typed result", good=True)
    else:
        step = NEXT_STEP[record.status]
        text = f"gets a named failure: {record.status}, {step}"
        yield Event(end, PRODUCT, "failure", text, f"failure: {record.status}", good=False)
    yield Event(end, OPERATIONS, "record", f"one record: {record.status}, {_counted(last)}", "record")


def _wait(attempt: Attempt) -> Event:
    began = attempt.started_ms - attempt.delay_s * 1000
    # A wait that the provider asked for may be longer than the ceiling, which then was not used.
    asked = attempt.delay_s > attempt.ceiling_s
    limit = "no less than the provider asked" if asked else f"drawn from 0 to {attempt.ceiling_s:g} s"
    short = f"waits {attempt.delay_s:g} s"
    return Event(began, OPERATIONS, "wait", f"{short}, {limit}", short, attempt.delay_s * 1000)


def _attempt(attempt: Attempt) -> Event:
    came = "no response" if attempt.http_status is None else str(attempt.http_status)
    text = f"attempt {attempt.number}: {came}, {attempt.kind}"
    good = attempt.status == "ok"
    short = f"attempt {attempt.number}: {came}"
    return Event(attempt.started_ms, PROVIDER, "attempt", text, short, attempt.latency_ms, good)


def _classify(attempt: Attempt, *, final: bool) -> Event:
    at = attempt.started_ms + attempt.latency_ms
    if attempt.kind in _GATES:
        return Event(at, OPERATIONS, "gate", f"{_GATES[attempt.kind]}: {attempt.reason}", "gate", good=False)
    advice = classify(attempt.http_status, attempt.kind)
    text = f"{attempt.kind}: {'stops here' if final else advice}"
    return Event(at, OPERATIONS, "classify", text, str(attempt.kind), good=False if final else None)


def _counted(attempts: int) -> str:
    return f"{attempts} attempt" if attempts == 1 else f"{attempts} attempts"


def as_table(record: CallRecord, upto: int | None = None) -> Table:
    """The events as rows, all of them or the first `upto`."""
    return Table(
        [
            {"time": f"{event.at_ms:,.0f} ms", "lane": event.lane, "what happens": event.text}
            for event in events(record)[:upto]
        ]
    )
