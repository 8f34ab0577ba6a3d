"""Marks as files: a gradebook, and what Canvas and Moodle import.

A gradebook that holds times, or lists students as they happened to finish, differs at every run, and nobody
can see whether a mark changed. These files depend on the work and the bank alone, byte for byte.

    write_gradebook(rows, out)      # gradebook.csv, canvas.csv, moodle_06.csv
    changes(rows, results.told())   # which marks differ from the last run, and why
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.lab.grading import bank
from labkit.lab.grading.results import Row, Told

OURS = ("grader_error", "not_graded")  # no mark: these are not the student's doing
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run what starts so


def points_of(row: Row) -> float | None:
    """The mark, 0 for what could not be read, or None where the grader is to blame."""
    if row.outcome in OURS:
        return None
    return row.graded.points if row.graded else 0.0


def exercises_in(rows: Iterable[Row]) -> list[str]:
    """The exercises that somebody handed in, and that the bank has."""
    return sorted({row.exercise for row in rows} & set(bank.numbers()))


def by_student(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Each student's rows, sorted by student."""
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row.student, row.exercise)):
        found.setdefault(row.student, []).append(row)
    return found


def write_gradebook(rows: Sequence[Row], out: Path) -> list[Path]:
    """Write every file of marks; gives their paths."""
    files = {"gradebook.csv": gradebook(rows), "canvas.csv": canvas(rows)}
    files |= {f"moodle_{exercise}.csv": moodle(rows, exercise) for exercise in exercises_in(rows)}
    for name, text in files.items():
        replace_text(out / name, text)
    return [out / name for name in files]


def replace_text(path: Path, text: str) -> None:
    """Write a file whole: a run that is killed leaves the old one or the new one."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8", newline="")
    draft.replace(path)


def gradebook(rows: Sequence[Row]) -> str:
    """One line for each student: points and outcome of each exercise, and what could not be graded."""
    exercises = exercises_in(rows)
    head = ["student", "id"]
    for exercise in exercises:
        head += [f"{exercise} points", f"{exercise} of", f"{exercise} outcome"]
    lines: list[list[Any]] = [[*head, "total", "problems"]]
    for student, theirs in by_student(rows).items():
        found = {row.exercise: row for row in theirs}
        line: list[Any] = [student, next((row.course_id for row in theirs if row.course_id), "")]
        for exercise in exercises:
            row = found.get(exercise)
            shown = [_number(points_of(row)), bank.load(exercise).worth, row.outcome] if row else ["", "", ""]
            line += shown
        total = sum(points_of(row) or 0.0 for row in theirs)
        problems = "; ".join(filter(None, (_problem(row) for row in theirs)))
        lines.append([*line, _number(round(total, 2)), problems])
    return _csv(lines)


def canvas(rows: Sequence[Row]) -> str:
    """Canvas's gradebook import: students by id, a column an exercise, and a row of points possible."""
    exercises = exercises_in(rows)
    lines: list[list[Any]] = [
        ["Student", "ID", "Section", *(f"Exercise {exercise}" for exercise in exercises)],
        ["Points Possible", "", "", *(bank.load(exercise).worth for exercise in exercises)],
    ]
    for student, theirs in by_student(rows).items():
        found = {row.exercise: row for row in theirs}
        marks = [_number(points_of(found[e])) if e in found else "" for e in exercises]
        identity = next((row.course_id for row in theirs if row.course_id), "")
        if identity:
            lines.append([student, identity, "", *marks])
    return _csv(lines)


def moodle(rows: Iterable[Row], exercise: str) -> str:
    """Moodle's grading worksheet for one assignment."""
    lines: list[list[Any]] = [["Identifier", "Full name", "Grade", "Maximum grade", "Feedback comments"]]
    for row in rows:
        points = points_of(row)
        if row.exercise == exercise and row.course_id and points is not None:
            worth = bank.load(exercise).worth
            comment = row.problem or f"{row.outcome}: {points:g} of {worth} points"
            lines.append([f"Participant {row.course_id}", row.student, _number(points), worth, comment])
    return _csv(lines)


def _problem(row: Row) -> str:
    if row.problem:
        return f"{row.exercise or 'an archive'}: {row.problem}"
    if row.exercise not in bank.numbers():
        return f"{row.exercise}: no such exercise"
    return f"{row.exercise}: {row.outcome}" if row.outcome in OURS else ""


def _number(points: float | None) -> str:
    return "" if points is None else f"{points:g}"


def _csv(lines: Iterable[Iterable[Any]]) -> str:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    for line in lines:
        writer.writerow([f"'{cell}" if str(cell).startswith(FORMULA) else cell for cell in line])
    return target.getvalue()


@dataclass(frozen=True, slots=True)
class Change:
    """A mark that differs from the one that the last run gave."""

    student: str
    exercise: str
    before: float | None
    after: float | None
    why: str


def tellable(rows: Iterable[Row]) -> list[Told]:
    """The marks of this run, to be compared with by the next."""
    return [
        Told(
            row.student,
            row.exercise,
            row.digest,
            row.graded.bank if row.graded else "",
            row.outcome,
            points_of(row),
            row.graded.report if row.graded else "{}",
        )
        for row in rows
    ]


def changes(now: Iterable[Told], told: Mapping[tuple[str, str], Told]) -> list[Change]:
    """Which marks are other than those of the last run, and why. A first mark is no change."""
    found = []
    for new in now:
        old = told.get((new.student, new.exercise))
        if old is not None and (old.points, old.outcome) != (new.points, new.outcome):
            found.append(Change(new.student, new.exercise, old.points, new.points, why(old, new)))
    return found


def why(old: Told, new: Told) -> str:
    """What made a mark change: other work, other questions, or a fault of the grader's that is gone."""
    if old.digest != new.digest:
        return "other work was handed in"
    if OURS[0] in (old.outcome, new.outcome):
        return f"{old.outcome}, then {new.outcome}: the grader, not the work"
    if old.bank == new.bank:
        return f"{old.outcome}, then {new.outcome}, of the same work and bank: a limit was close"
    before, after = _points_by_check(old.report), _points_by_check(new.report)
    differing = [
        f"{check} {before.get(check, 0):g} → {after.get(check, 0):g}"
        for check in sorted(before.keys() | after.keys())
        if before.get(check) != after.get(check)
    ]
    return f"the bank changed: {', '.join(differing) or f'{old.outcome}, then {new.outcome}'}"


def _points_by_check(report: str) -> dict[str, float]:
    findings = json.loads(report).get("findings", [])
    return {finding["check"]: finding["points"] for finding in findings}


def write_changes(found: Sequence[Change], out: Path) -> None:
    """Write changes.csv, if there are any: a run without a change leaves the last list to be read."""
    if found:
        lines = [["student", "exercise", "before", "after", "why"]]
        lines += [[c.student, c.exercise, _number(c.before), _number(c.after), c.why] for c in found]
        replace_text(out / "changes.csv", _csv(lines))
