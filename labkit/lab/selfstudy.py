"""How far a learner is, and what they should recall today: the terminal's side of the journal.

A course that is read once is forgotten in a week, and a learner who is often sure and seldom right never
hears of it. These read the journal and say both.

    labkit progress                     # a line for each lesson, and confidence against outcome
    labkit review                       # asks what is due: a day later, then after 3 days, then after 7
    labkit journal export mine.jsonl    # one file to take along; `import` adds what is missing

Nothing leaves the machine unless the learner carries it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from labkit.lab import quiz
from labkit.lab.feed import VARIABLE
from labkit.lab.house import house
from labkit.lab.journal import DAY_S, INTERVALS_DAYS, Due, Entry, Journal, Read, calibration, due
from labkit.lab.lessons import Lesson, Question, lessons, questions

BAR = 20  # characters for 100%
MARKS = {"k": True, "p": False, "n": False}
Say = Callable[[str], object]


def journal_here(environ: Mapping[str, str] | None = None) -> Journal:
    """The journal that the environment names, else the one beside the learner's copies."""
    named = (os.environ if environ is None else environ).get(VARIABLE)
    return Journal(Path(named) if named else house() / "work" / "journal.jsonl")


# ── progress ────────────────────────────────────────────────────────────────────────────────────


def progress(read: Read, now: float) -> str:
    """A table of all lessons, the mastery check, and how confidence met outcome."""
    waiting = due(read.entries, now)
    rows = [["lesson", "predicted", "recalled", "exercise", "due"]]
    rows += [_lesson_row(lesson, read.entries, waiting) for lesson in lessons()]
    parts = [_aligned(rows), _mastery(read.entries), plot(read.entries)]
    if read.skipped:
        parts.append(f"{_count(len(read.skipped), 'line')} of the journal could not be read.")
    if not read.entries:
        parts.append("The journal is empty. It begins with what you do in `labkit start`.")
    return "\n\n".join(filter(None, parts))


def _lesson_row(lesson: Lesson, entries: Sequence[Entry], waiting: Sequence[Due]) -> list[str]:
    mine = [entry for entry in entries if entry.lesson == lesson.number]
    late = sum(item.lesson == lesson.number for item in waiting)
    return [
        f"{lesson.number} {lesson.title}",
        _share(_firsts(mine, "predicted")),
        _share(_lasts(mine, "recalled", "reviewed")),
        _best(mine),
        str(late) if late else "",
    ]


def _firsts(entries: Iterable[Entry], *kinds: str) -> list[bool]:
    found: dict[str, bool] = {}
    for entry in entries:
        if entry.kind in kinds and entry.right is not None:
            found.setdefault(entry.name, entry.right)
    return list(found.values())


def _lasts(entries: Sequence[Entry], *kinds: str) -> list[bool]:
    return _firsts(reversed(entries), *kinds)


def _share(outcomes: Sequence[bool]) -> str:
    return f"{sum(outcomes)} of {len(outcomes)}" if outcomes else ""


def _best(entries: Iterable[Entry]) -> str:
    found = [
        (entry.data.get("points"), entry.data.get("worth")) for entry in entries if entry.kind == "checked"
    ]
    known = [pair for pair in found if all(isinstance(number, int | float) for number in pair)]
    if not known:
        return ""
    points, worth = max(known, key=lambda pair: pair[0] or 0)
    return f"{points:g} of {worth:g}"


def _mastery(entries: Iterable[Entry]) -> str:
    outcomes = _firsts(entries, "answered")
    return f"Mastery check: {_share(outcomes)} questions right at first sight." if outcomes else ""


def plot(entries: Iterable[Entry]) -> str:
    """Confidence against outcome, as bars of text. Empty while nothing was predicted."""
    bins = calibration(entries)
    if not bins:
        return ""
    lines = ["How sure you were, and how often you were right (| is where you said it would be):"]
    for found in bins:
        share = found.right / found.count
        said = f"{found.confidence - 10}-{found.confidence + 10}%"
        lines.append(
            f"  {said:<8} {_bar(share, found.confidence)}  {share:>4.0%}  ({found.right} of {found.count})"
        )
    return "\n".join(lines)


def _bar(share: float, said: int) -> str:
    bar, place = f"{'█' * round(share * BAR):·<{BAR}}", round(said / 100 * BAR)
    return f"{bar[:place]}|{bar[place:]}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


# ── review ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Review:
    """How a review went: asked, right of these, and still waiting."""

    asked: int
    right: int
    left: int


def review(
    journal: Journal,
    *,
    ask: Callable[[str], str] = input,
    say: Say = print,
    wall: Callable[[], float] = time.time,
    most: int = 10,
) -> Review:
    """Ask what is due, longest overdue first, and note how it went. Ctrl-C or the end of input stops it."""
    now, entries = wall(), journal.read().entries
    waiting = [(item, found) for item in due(entries, now) if (found := question_for(item))]
    if not waiting:
        say(nothing_due(entries, now))
    asked = right = 0
    try:
        for item, found in waiting[:most]:
            knew = (
                _ask_options(found, ask, say) if isinstance(found, quiz.Question) else _ask(found, ask, say)
            )
            journal.note("reviewed", item.name, lesson=item.lesson, right=knew)
            asked, right = asked + 1, right + knew
    except (EOFError, KeyboardInterrupt):
        say("\nStopped; what you answered is kept.")
    if asked:
        say(f"{right} of {asked} recalled. {len(waiting) - asked} more are due.")
    return Review(asked, right, len(waiting) - asked)


def question_for(item: Due) -> Question | quiz.Question | None:
    """What to ask for something that is due: itself, or for a prediction a question of its lesson."""
    if found := quiz.question(item.name) or questions().get(item.name):
        return found
    of_lesson = [lesson.recall for lesson in lessons() if lesson.number == item.lesson and lesson.recall]
    return of_lesson[0][item.times_right % len(of_lesson[0])] if of_lesson else None


def nothing_due(entries: Sequence[Entry], now: float) -> str:
    """When to come back."""
    for days in range(1, max(INTERVALS_DAYS) + 1):
        if coming := len(due(entries, now + days * DAY_S)):
            return f"Nothing is due today. Within {_count(days, 'day')}: {coming}."
    return "Nothing is due. What you predict, recall and answer in the lessons comes back here."


def _ask(found: Question, ask: Callable[[str], str], say: Say) -> bool:
    say(f"\n{found.ask}")
    ask("Say it to yourself, then press Enter. ")
    say(f"  {found.answer}\n  From {found.source}{f', cell {found.cell}' if found.cell else ''}.")
    while (
        said := ask("Did you know it? k: I knew it, p: partly, n: not yet. ").strip().lower()
    ) not in MARKS:
        say(f"  {said!r} is none of k, p, n.")
    return MARKS[said]


def _ask_options(found: quiz.Question, ask: Callable[[str], str], say: Say) -> bool:
    # Another order each time: a letter is quickly learned by heart.
    shown = quiz.turned(found, Random())
    say(f"\n{shown.ask}")
    for letter, option in shown.lettered():
        say(f"  {letter}  {option.text}")
    while (said := ask("Which one? ").strip().upper()) not in set(quiz.LETTERS):
        say(f"  {said!r} is none of {', '.join(quiz.LETTERS)}.")
    chosen = shown.option(said)
    say(f"  {'✓ right' if chosen.right else '✗ not right'}. {chosen.because} See {chosen.place}.")
    return chosen.right


# ── one file to take along ──────────────────────────────────────────────────────────────────────


def carry(journal: Journal, *, out: Path | None = None, into: Path | None = None) -> str:
    """Export into `out`, or import from `into`; gives the sentence that says what was done."""
    if out is not None:
        return f"{out} now holds {_count(journal.export(out), 'entry')}"
    source = into or journal.path
    added, skipped = journal.merge(source), len(Journal(source).read().skipped)
    left_out = f"; {_count(skipped, 'line')} left out, being no entry" if skipped else ""
    return f"{_count(added, 'new entry')} from {source}{left_out}"


def _count(number: int, thing: str) -> str:
    plural = f"{thing[:-1]}ies" if thing.endswith("ry") else f"{thing}s"
    return f"{number} {thing if number == 1 else plural}"
