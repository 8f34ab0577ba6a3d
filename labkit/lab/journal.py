"""The learner's own record: predictions with their confidence, checks, hints, quiz answers. Append-only.

Without it, a course knows what it taught and nobody knows what was learned: the prediction that was wrong on
Monday is forgotten on Tuesday, and the same thought is wrong again in production.

    journal = Journal(Path("work/journal.jsonl"))
    journal.note("predicted", "07-how-many", lesson="07", chosen=["60"], right=False, confidence=80)
    due(journal.read().entries, now)        # what to recall today: after 1, 3 and 7 days

It is one file on this machine. Nothing is ever sent; `export` and `merge` move it by hand.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.failures import LabkitError
from labkit.sinks.jsonl import Skipped, read_jsonl

KINDS = ("predicted", "recalled", "checked", "hinted", "answered", "sorted", "reviewed")
DAY_S = 86_400.0
INTERVALS_DAYS = (1, 3, 7)  # recalled well once, twice, three times: then it is known


class JournalError(LabkitError):
    """The journal cannot be written or read. The message names the file and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done. `at` is seconds since 1970, `name` the question, exercise or prediction."""

    at: float
    kind: str
    name: str
    lesson: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def right(self) -> bool | None:
        """Whether it was right, where that is known."""
        found = self.data.get("right")
        return found if isinstance(found, bool) else None


@dataclass(frozen=True, slots=True)
class Read:
    """What a journal holds, oldest first, and the lines that could not be read."""

    entries: tuple[Entry, ...]
    skipped: tuple[Skipped, ...] = ()


class Journal:
    """One file of JSON Lines. Several processes may append to it at once."""

    def __init__(self, path: Path, wall: Callable[[], float] = time.time) -> None:
        self.path, self._wall = path, wall

    def note(self, kind: str, name: str, *, lesson: str = "", **data: Any) -> Entry:
        """Append one entry, in one write. Raises `JournalError` if the file cannot be written."""
        if kind not in KINDS:
            raise JournalError(f"kind is {kind!r}; wanted one of {', '.join(KINDS)}")
        entry = Entry(round(self._wall(), 3), kind, name, lesson, data)
        self._append([entry])
        return entry

    def read(self) -> Read:
        """Every whole entry, oldest first. A torn or foreign line is skipped and reported."""
        log = read_jsonl(self.path)
        entries = [entry for row in log.rows if (entry := _entry(row)) is not None]
        foreign = len(log.rows) - len(entries)
        skipped = [*log.skipped, *[Skipped(self.path.name, 0, "not an entry")] * foreign]
        return Read(tuple(sorted(entries, key=lambda entry: entry.at)), tuple(skipped))

    def export(self, target: Path) -> int:
        """Write all of it into one file; gives the number of entries. Overwrites nothing."""
        entries = self.read().entries
        try:
            with target.open("x", encoding="utf-8") as file:
                file.writelines(_line(entry) for entry in entries)
        except OSError as error:
            raise JournalError(
                f"{target} cannot be written ({error.strerror}): choose another name"
            ) from None
        return len(entries)

    def merge(self, source: Path) -> int:
        """Add what another file has and this one lacks; gives how many entries that were."""
        if not source.is_file():
            raise JournalError(f"{source} is not there")
        have = {_line(entry) for entry in self.read().entries}
        new = [entry for entry in Journal(source).read().entries if _line(entry) not in have]
        self._append(new)
        return len(new)

    def _append(self, entries: Iterable[Entry]) -> None:
        text = "".join(map(_line, entries)).encode()
        if not text:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                size = os.fstat(file).st_size
                torn = size > 0 and os.pread(file, 1, size - 1) != b"\n" if hasattr(os, "pread") else False
                # One write: another process may append at the same moment.
                os.write(file, b"\n" + text if torn else text)
            finally:
                os.close(file)
        except OSError as error:
            raise JournalError(
                f"{self.path} cannot be written ({error.strerror}); free some space, or make it writable"
            ) from None


def _line(entry: Entry) -> str:
    row = {
        "at": entry.at,
        "kind": entry.kind,
        "name": entry.name,
        "lesson": entry.lesson,
        "data": dict(entry.data),
    }
    return json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n"


def _entry(row: Mapping[str, Any]) -> Entry | None:
    at, kind, name = row.get("at"), row.get("kind"), row.get("name")
    lesson, data = row.get("lesson", ""), row.get("data", {})
    if not isinstance(at, int | float) or isinstance(at, bool) or kind not in KINDS:
        return None
    if not isinstance(name, str) or not isinstance(lesson, str) or not isinstance(data, dict):
        return None
    return Entry(float(at), kind, name, lesson, data)


@dataclass(frozen=True, slots=True)
class Due:
    """A question to recall. `since_days` is how long ago that became due."""

    name: str
    lesson: str
    times_right: int
    since_days: float


def due(entries: Iterable[Entry], now: float) -> list[Due]:
    """What to recall now, longest overdue first.

    A question that was met comes back a day later. Recalled well, it comes back after 3 days, then after 7;
    then it is known. Missed, it starts again. A wrong prediction is such a question, too.
    """
    state: dict[str, tuple[Entry, int]] = {}
    for entry in entries:
        if entry.kind not in ("predicted", "recalled", "reviewed", "answered") or entry.right is None:
            continue
        before = state.get(entry.name)
        if entry.kind in ("recalled", "reviewed"):
            streak = (before[1] if before else 0) + 1 if entry.right else 0
        elif entry.right and before is None:
            continue  # predicted or answered well at once: nothing to repeat
        else:
            streak = before[1] if before and entry.right else 0
        state[entry.name] = (entry, streak)
    waiting = []
    for name, (entry, streak) in state.items():
        if streak >= len(INTERVALS_DAYS):
            continue
        late = (now - entry.at) / DAY_S - INTERVALS_DAYS[streak]
        if late >= 0:
            waiting.append(Due(name, entry.lesson, streak, late))
    return sorted(waiting, key=lambda item: (-item.since_days, item.name))


@dataclass(frozen=True, slots=True)
class Bin:
    """How often predictions made with about this confidence were right."""

    confidence: int
    count: int
    right: int


def calibration(entries: Iterable[Entry], width: int = 20) -> list[Bin]:
    """Confidence against outcome, in bins of `width` percent. Only first predictions count."""
    first: dict[str, Entry] = {}
    for entry in entries:
        if entry.kind in ("predicted", "answered") and entry.right is not None:
            first.setdefault(entry.name, entry)
    bins: dict[int, list[bool]] = {}
    for entry in first.values():
        confidence = entry.data.get("confidence")
        if isinstance(confidence, int) and 0 <= confidence <= 100:
            bins.setdefault(min(confidence, 99) // width, []).append(bool(entry.right))
    return [
        Bin(at * width + width // 2, len(outcomes), sum(outcomes)) for at, outcomes in sorted(bins.items())
    ]
