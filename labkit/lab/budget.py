"""Where a call's time went: from a record to the parts of a bar.

"Timeout after 12 s" hides whether the provider was slow once or the waits ate the time::

    bar({"one deadline": record}, deadline_s=12.0)       # a Picture
    spent(record, deadline_s=12.0)                       # the same as a Table
"""

from __future__ import annotations

from collections.abc import Mapping

from labkit.lab.figures.deadline import Segment, budget_bar
from labkit.lab.present import Picture, Table
from labkit.records import CallRecord

_NOTHING = 1e-6  # seconds: shorter stretches are rounding, not time


def segments(call: str, record: CallRecord, deadline_s: float) -> list[Segment]:
    """The attempts and waits of a record, in order, and what was left of the deadline."""
    found: list[Segment] = []
    at = 0.0
    for attempt in record.attempts:
        started, took = attempt.started_ms / 1000, attempt.latency_ms / 1000
        if started - at > _NOTHING:
            found.append(Segment(call, "wait", at, started, f"{started - at:.3g} s"))
        part = "good attempt" if attempt.status == "ok" else "failed attempt"
        at = started + took
        found.append(Segment(call, part, started, at, f"attempt {attempt.number}"))
    if deadline_s - at > _NOTHING:
        found.append(Segment(call, "unused", at, deadline_s))
    return found


def spent(record: CallRecord, deadline_s: float) -> Table:
    """How many seconds went into attempts and into waits, and how the call ended."""
    parts = segments("", record, deadline_s)
    rows = [
        {"part": part.label if "attempt" in part.part else part.part, **_row(part, record)} for part in parts
    ]
    end = record.latency_ms / 1000
    return Table(
        [*rows, {"part": "the call", "from (s)": 0.0, "to (s)": end, "how it ended": _ending(record)}]
    )


def _row(part: Segment, record: CallRecord) -> dict[str, object]:
    kinds = {f"attempt {attempt.number}": str(attempt.kind) for attempt in record.attempts}
    row = {"from (s)": round(part.start_s, 3), "to (s)": round(part.end_s, 3)}
    return {**row, "how it ended": kinds.get(part.label)}


def _ending(record: CallRecord) -> str:
    return f"{record.status} ({record.reason})" if record.reason else str(record.status)


def bar(records: Mapping[str, CallRecord], deadline_s: float, see: str = "") -> Picture:
    """A budget bar for each record, with its numbers in the alternative text."""
    parts = [part for name, record in records.items() for part in segments(name, record, deadline_s)]
    told = "; ".join(f"{name}: {_told(name, parts)}" for name in records)
    ends = ", ".join(f"{name} after {record.latency_ms / 1000:g} s" for name, record in records.items())
    return Picture(
        budget_bar(parts, deadline_s),
        see=see or f"the calls end: {ends}; the deadline is {deadline_s:g} s.",
        alt=f"Bars of time against a deadline of {deadline_s:g} s. {told}.",
    )


def _told(name: str, parts: list[Segment]) -> str:
    mine = [part for part in parts if part.call == name]
    names = [part.label if "attempt" in part.part else part.part for part in mine]
    return ", ".join(
        f"{name} {part.start_s:g} to {part.end_s:g} s" for name, part in zip(names, mine, strict=True)
    )
