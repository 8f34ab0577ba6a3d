"""The table of results: the truth of a grading, on disk after every submission.

with Results(path) as results:
    results.keep(graded)
    for row in results.rows(): …        # one for each student and exercise
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Self

from labkit.failures import LabkitError
from labkit.lab.grading.submissions import Submission

SCHEMA = """
CREATE TABLE IF NOT EXISTS graded (
    exercise TEXT, digest TEXT, bank TEXT, outcome TEXT, points REAL, worth INTEGER,
    report TEXT, seconds REAL,
    PRIMARY KEY (exercise, digest, bank)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS handed_in (
    student TEXT, exercise TEXT, digest TEXT, place TEXT, problem TEXT, course_id TEXT, code TEXT,
    PRIMARY KEY (student, exercise)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS told (
    student TEXT, exercise TEXT, digest TEXT, bank TEXT, outcome TEXT, points REAL, report TEXT,
    PRIMARY KEY (student, exercise)
) WITHOUT ROWID;
"""
RETRIED = ("grader_error",)  # outcomes that the next run tries anew: they are ours, not the student's


class ResultsError(LabkitError):
    """The table cannot be used. The message names the file and what to do."""


@dataclass(frozen=True, slots=True)
class Graded:
    """One piece of work, graded with one version of the bank. `report` is JSON."""

    exercise: str
    digest: str
    bank: str
    outcome: str
    points: float
    worth: int
    report: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """One student's result for one exercise. `graded` is None before grading, and if it is unreadable."""

    student: str
    exercise: str
    digest: str
    place: str
    problem: str
    course_id: str
    graded: Graded | None

    @property
    def outcome(self) -> str:
        """passed, failed, timeout, killed, out_of_memory, unreadable or grader_error; else not_graded."""
        if self.problem:
            return "unreadable"
        return self.graded.outcome if self.graded else "not_graded"


@dataclass(frozen=True, slots=True)
class Told:
    """A mark that was given to a student, and what it rested on. `points` is None where there was none."""

    student: str
    exercise: str
    digest: str
    bank: str
    outcome: str
    points: float | None
    report: str


class Results:
    """Results in one SQLite file. `bank` gives the digest of an exercise's questions as they are now."""

    def __init__(self, path: Path, bank: Callable[[str], str]) -> None:
        self._bank = bank
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.executescript(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise ResultsError(
                f"{path} cannot be used ({error}): choose another --out, or move the file away"
            ) from None

    def note(self, submission: Submission) -> None:
        """Note who handed in what."""
        self._db.execute(
            "INSERT OR REPLACE INTO handed_in VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                submission.student,
                submission.exercise,
                submission.digest,
                submission.place,
                submission.problem,
                submission.course_id,
                "\n\n".join(submission.cells),
            ),
        )

    def has(self, exercise: str, digest: str) -> bool:
        """Whether this work was graded with the bank as it is now."""
        row = self._db.execute(
            "SELECT outcome FROM graded WHERE exercise = ? AND digest = ? AND bank = ?",
            (exercise, digest, self._bank(exercise)),
        ).fetchone()
        return row is not None and row[0] not in RETRIED

    def keep(self, graded: Graded) -> None:
        """Store one result for good."""
        try:
            self._db.execute("INSERT OR REPLACE INTO graded VALUES (?, ?, ?, ?, ?, ?, ?, ?)", astuple(graded))
            self._db.commit()
        except sqlite3.Error as error:
            raise ResultsError(
                f"{self._path}: {error}. What was stored before is safe: mend that and run again"
            ) from None

    def commit(self) -> None:
        """Store the notes of who handed in what."""
        self._db.commit()

    def rows(self) -> Iterator[Row]:
        """Every student's result, sorted by student and exercise, with the bank as it is now."""
        found = self._db.execute(
            "SELECT student, exercise, digest, place, problem, course_id FROM handed_in "
            "ORDER BY student, exercise"
        ).fetchall()
        for student, exercise, digest, place, problem, course_id in found:
            graded = None if problem else self.graded(exercise, digest)
            yield Row(student, exercise, digest, place, problem, course_id, graded)

    def graded(self, exercise: str, digest: str, bank: str | None = None) -> Graded | None:
        """One result, with the bank as it is now or as it was."""
        with contextlib.suppress(LabkitError):
            row = self._db.execute(
                "SELECT * FROM graded WHERE exercise = ? AND digest = ? AND bank = ?",
                (exercise, digest, bank or self._bank(exercise)),
            ).fetchone()
            return Graded(*row) if row else None
        return None

    def told(self) -> dict[tuple[str, str], Told]:
        """The marks as the last finished run gave them, by student and exercise."""
        rows = self._db.execute("SELECT * FROM told").fetchall()
        return {(row[0], row[1]): Told(*row) for row in rows}

    def tell(self, told: Iterable[Told]) -> None:
        """Note the marks that this run gives, so that the next can say what changed."""
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?, ?, ?)", map(astuple, told)
            )

    def code(self) -> Iterator[tuple[str, str, str]]:
        """Student, exercise and code of everything that was handed in and could be read."""
        yield from self._db.execute(
            "SELECT student, exercise, code FROM handed_in WHERE problem = '' ORDER BY exercise, student"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
