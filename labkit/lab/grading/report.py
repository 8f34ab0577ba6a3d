"""A class on one page: how marks spread, which questions work, what is misunderstood, what looks copied.

Marks alone hide that a question is answered by everyone, or by nobody who knows the rest. Difficulty and
discrimination show it (as in classical test theory), and misconceptions counted show what to teach again.

    write_report(Path("graded"))        # graded/report.html

Alike is no verdict: short answers look alike by themselves. It is a list for a person to look at.
"""

from __future__ import annotations

import io
import json
import math
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from labkit.lab.grading import bank
from labkit.lab.grading.gradebook import exercises_in, points_of, replace_text
from labkit.lab.grading.pages import page
from labkit.lab.grading.results import Results, ResultsError, Row
from labkit.lab.grading.run import bank_digest

BINS = 10
SHINGLE = 8  # tokens in a row
COMMON = 0.2  # what more than this share of a class wrote tells nothing about who copied
ALIKE = 0.8
LEAST = 12  # shingles of one's own; with fewer, likeness is chance


@dataclass(frozen=True, slots=True)
class Item:
    """One check over the class. `difficulty` is the mean share of its points, 1 for an easy one.

    `discrimination` is the correlation of its points with those of the other checks, from -1 to 1; None
    where either does not vary. Near 0 or below, the check measures something else than its neighbours.
    """

    check: str
    asks: str
    difficulty: float
    discrimination: float | None


@dataclass(frozen=True, slots=True)
class Thought:
    """A misconception, and how many students were told of it."""

    says: str
    count: int
    check: str


@dataclass(frozen=True, slots=True)
class Alike:
    """Students whose work looks the same. `share` is 1 for identical code."""

    students: tuple[str, ...]
    share: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What the page says of one exercise."""

    number: str
    title: str
    worth: int
    count: int
    mean: float
    bins: tuple[tuple[str, int], ...]
    outcomes: tuple[tuple[str, int], ...]
    items: tuple[Item, ...]
    thoughts: tuple[Thought, ...]
    alike: tuple[Alike, ...]


def write_report(out: Path) -> Path:
    """Write report.html beside the results. Raises `ResultsError` where nothing was graded."""
    if not (out / "results.sqlite").is_file():
        raise ResultsError(f"{out} holds no results.sqlite: run labkit grade … --out {out} first")
    with Results(out / "results.sqlite", bank_digest) as results:
        rows, code = list(results.rows()), list(results.code())
    summaries = [summary(number, rows, code) for number in exercises_in(rows)]
    students = len({row.student for row in rows})
    replace_text(out / "report.html", page("report.html").render(summaries=summaries, students=students))
    return out / "report.html"


def summary(number: str, rows: Iterable[Row], code: Iterable[tuple[str, str, str]]) -> Summary:
    """The figures of one exercise."""
    exercise = bank.load(number)
    theirs = [row for row in rows if row.exercise == number]
    points = [mark for row in theirs if (mark := points_of(row)) is not None]
    findings = [found for row in theirs if row.graded for found in [_findings(row)] if found]
    return Summary(
        number=number,
        title=exercise.title,
        worth=exercise.worth,
        count=len(theirs),
        mean=math.fsum(points) / len(points) if points else 0.0,
        bins=tuple(distribution(points, exercise.worth)),
        outcomes=tuple(sorted(Counter(row.outcome for row in theirs).items())),
        items=tuple(items(findings)),
        thoughts=tuple(thoughts(findings)),
        alike=tuple(alike({student: text for student, of, text in code if of == number})),
    )


def _findings(row: Row) -> list[dict[str, Any]]:
    found = json.loads(row.graded.report).get("findings", []) if row.graded else []
    return list(found)


def distribution(points: Iterable[float], worth: int) -> Iterator[tuple[str, int]]:
    """How many marks fall in each tenth of what can be earned; full marks are in the last."""
    counted = Counter(min(int(mark / worth * BINS), BINS - 1) for mark in points)
    for at in range(BINS):
        low, high = at * worth / BINS, (at + 1) * worth / BINS
        yield f"{low:g} to {high:g}", counted[at]


def items(findings: Sequence[Sequence[Mapping[str, Any]]]) -> Iterator[Item]:
    """Difficulty and discrimination of each check."""
    for at, first in enumerate(findings[0] if findings else ()):
        own = [theirs[at]["points"] / theirs[at]["worth"] for theirs in findings]
        rest = [math.fsum(f["points"] for f in theirs) - theirs[at]["points"] for theirs in findings]
        yield Item(first["check"], first["asks"], math.fsum(own) / len(own), correlation(own, rest))


def correlation(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Pearson's, or None where one side does not vary."""
    mean_left, mean_right = math.fsum(left) / len(left), math.fsum(right) / len(right)
    spread_left = math.fsum((x - mean_left) ** 2 for x in left)
    spread_right = math.fsum((y - mean_right) ** 2 for y in right)
    if spread_left < 1e-12 or spread_right < 1e-12:
        return None
    both = math.fsum((x - mean_left) * (y - mean_right) for x, y in zip(left, right, strict=True))
    return both / math.sqrt(spread_left * spread_right)


def thoughts(findings: Iterable[Iterable[Mapping[str, Any]]]) -> Iterator[Thought]:
    """Misconceptions, the most frequent first."""
    counted: Counter[tuple[str, str]] = Counter()
    for theirs in findings:
        counted.update((f["misconception"], f["check"]) for f in theirs if f["misconception"])
    for (says, check), count in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
        yield Thought(says, count, check)


def alike(code: Mapping[str, str]) -> Iterator[Alike]:
    """Identical work first, then work that shares most of what is not common to the class."""
    same: dict[str, list[str]] = defaultdict(list)
    for student, text in code.items():
        same[text].append(student)
    for students in sorted(group for group in same.values() if len(group) > 1):
        yield Alike(tuple(sorted(students)), 1.0)
    # One for each text: who handed in the same is named above.
    yield from near({students[0]: text for text, students in same.items()})


def near(code: Mapping[str, str]) -> Iterator[Alike]:
    """Pairs with a Jaccard likeness of at least `ALIKE`, the most alike first."""
    sets = {student: shingles(text) for student, text in code.items()}
    owners: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for student in sorted(sets):
        for shingle in sets[student]:
            owners[shingle].append(student)
    common = max(2, int(COMMON * len(sets)))
    shared: Counter[tuple[str, str]] = Counter()
    own: Counter[str] = Counter()
    for students in owners.values():
        if len(students) <= common:
            own.update(students)
            shared.update(combinations(students, 2))
    found = []
    for (left, right), both in shared.items():
        share = both / (own[left] + own[right] - both)
        if share >= ALIKE and both >= LEAST:
            found.append(Alike((left, right), share))
    yield from sorted(found, key=lambda pair: (-pair.share, pair.students))


LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


def shingles(text: str) -> set[tuple[str, ...]]:
    """Runs of tokens, without comments and layout: another comment or blank line hides nothing."""
    try:
        read = tokenize.generate_tokens(io.StringIO(text).readline)
        tokens = [token.string for token in read if token.type not in LAYOUT]
    except (tokenize.TokenError, SyntaxError):
        tokens = text.split()
    return {tuple(tokens[at : at + SHINGLE]) for at in range(len(tokens) - SHINGLE + 1)}
