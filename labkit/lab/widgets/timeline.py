"""Step through one call, forward and back.

A finished timeline is read at a glance, and the glance skips the wait. One event at a time asks at each
step what comes next::

    Stepper(outcome.record)
"""

from __future__ import annotations

from html import escape
from typing import Any

from labkit.lab import timeline
from labkit.lab.figures.timeline import lanes
from labkit.lab.present import Picture
from labkit.lab.widgets.base import Card, button, question_html, row, text
from labkit.records import CallRecord


class Stepper(Card):
    """One call's events, shown up to `position` (1 is the first). Set `position` from code or by button."""

    def __init__(self, record: CallRecord, position: int | None = None) -> None:
        super().__init__("One call, step by step")
        self.record = record
        self.events = timeline.events(record)
        self._back = button("◀ Back", lambda: self.go(self.position - 1))
        self._next = button("Next ▶", lambda: self.go(self.position + 1), main=True)
        self._end = button("To the end", lambda: self.go(len(self.events)))
        self._said = text("", live=True)
        self._screen = text("")
        self.fill(
            text(question_html("One call, step by step. What comes next? Say it, then press Next.")),
            row(self._back, self._next, self._end),
            self._said,
            self._screen,
        )
        self.go(1 if position is None else position)

    def go(self, position: int) -> Stepper:
        """Show the first `position` events; a position outside is taken to the nearest end."""
        self.position = min(max(1, position), len(self.events))
        self._back.disabled = self.position == 1
        self._next.disabled = self._end.disabled = self.position == len(self.events)
        event = self.events[self.position - 1]
        self.sentence = (
            f"Step {self.position} of {len(self.events)}, {event.at_ms:,.0f} ms, {event.lane}: {event.text}"
        )
        self._said.value = f'<div role="status" aria-live="polite">{escape(self.sentence)}</div>'
        self._screen.value = picture(self.record, self.position).to_html()
        return self

    def plain(self) -> tuple[str, str]:
        """The whole call: picture and table."""
        whole, rows = picture(self.record), timeline.as_table(self.record)
        return whole.to_html() + rows.to_html(), f"{whole.to_text()}\n{rows.to_text()}"


def picture(record: CallRecord, upto: int | None = None, see: str = "") -> Picture:
    """The call in three lanes, with an alternative text made from its events."""
    return Picture(lanes(record, upto), see=see or _sentence(record, upto), alt=_alt(record, upto))


def _alt(record: CallRecord, upto: int | None) -> str:
    come = timeline.events(record)[:upto]
    told = {
        lane: [f"{e.short} at {e.at_ms:,.0f} ms" for e in come if e.lane == lane] for lane in timeline.LANES
    }
    lines = "; ".join(f"{lane}: {', '.join(events) or 'nothing'}" for lane, events in told.items())
    return f"A call in three lanes. {lines}."


def _sentence(record: CallRecord, upto: int | None) -> str:
    if upto is not None and upto < len(timeline.events(record)):
        return "dark is what has happened, pale is still to come."
    made: tuple[Any, ...] = record.attempts
    waited = sum(attempt.delay_s for attempt in made)
    requests = "one request" if len(made) == 1 else f"{len(made)} requests"
    waits = f"{waited:g} s of waiting" if waited else "no waiting"
    return f"{requests}, {waits}, and one end: {record.status}."
