"""Two bad route handlers with their planted problems, and how a review of them is scored.

Code that passes its one test looks finished, and a review that finds "something with the timeout" feels done.
Here every planted problem is known, so a review has a score: found, missed, false alarms, a reason for each::

    SHORT.numbered                 # [(1, "def answer(question):"), …]
    score(SHORT, {6, 9}).table()   # every problem: found or missed, why, and the better design
    run = SHORT.load(names)        # the handler as a function; it runs, which is what makes it dangerous
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from labkit.failures import LabkitError
from labkit.lab.lessons import lesson
from labkit.lab.present import Stack, Table, Words

FOUND, MISSED = "✓ found", "✗ missed"
INNOCENT = "Nothing on this line does harm by itself."


@dataclass(frozen=True, slots=True)
class Problem:
    """One planted problem. `lines` are the numbers of its lines; marking any of them finds it."""

    name: str
    lines: tuple[int, ...]
    problem: str
    why: str
    better: str
    lesson: str

    @property
    def read(self) -> str:
        """The lesson to read, by number and title."""
        found = lesson(self.lesson)
        return f"{found.number} {found.title}"


@dataclass(frozen=True, slots=True)
class Handler:
    """A handler's code, its problems, and why some lines that look guilty are not (by number)."""

    name: str
    title: str
    code: str
    problems: tuple[Problem, ...]
    fine: Mapping[int, str]

    @property
    def numbered(self) -> list[tuple[int, str]]:
        """Every line with its number, from 1."""
        return list(enumerate(self.code.split("\n"), 1))

    @property
    def guilty(self) -> Mapping[int, Problem]:
        """The problem that a line belongs to."""
        return {line: problem for problem in self.problems for line in problem.lines}

    def load(self, names: Mapping[str, Any]) -> Any:
        """The handler as a function, with these names around it, such as the SDK and the log."""
        space = dict(names)
        exec(compile(self.code, f"<{self.name} handler>", "exec"), space)  # noqa: S102 - our own file's text
        return next(value for name, value in space.items() if name not in names and callable(value))


@dataclass(frozen=True, slots=True)
class Score:
    """A review beside what was planted. `alarms` are marked lines that belong to no problem."""

    handler: Handler
    found: tuple[Problem, ...]
    missed: tuple[Problem, ...]
    alarms: tuple[int, ...]

    @property
    def sentence(self) -> str:
        """The three numbers in words."""
        alarms = "1 false alarm" if len(self.alarms) == 1 else f"{len(self.alarms)} false alarms"
        return (
            f"{len(self.found)} of {len(self.handler.problems)} found, {len(self.missed)} missed, {alarms}."
        )

    def problems(self, *, judged: bool = True) -> Table:
        """Every problem in the order of the code, with why it harms and what is better."""
        return Table([self._row(problem, judged) for problem in self.handler.problems])

    @property
    def alarm_table(self) -> Table:
        """Every false alarm with a reason."""
        text = dict(self.handler.numbered)
        rows = [
            {
                "line": number,
                "marked": text[number].strip(),
                "why it is none": self.handler.fine.get(number, INNOCENT),
            }
            for number in self.alarms
        ]
        return Table(rows, "False alarms")

    def table(self) -> Stack:
        """The numbers, the problems, and a reason for every false alarm."""
        return Stack([Words(self.sentence), self.problems(), *([self.alarm_table] if self.alarms else [])])

    def _row(self, problem: Problem, judged: bool) -> dict[str, Any]:
        mine = {"you": FOUND if problem in self.found else MISSED} if judged else {}
        return {
            "lines": problem.lines,
            **mine,
            "problem": problem.problem,
            "why": problem.why,
            "better": problem.better,
            "read": problem.read,
        }


def score(handler: Handler, marked: Collection[int]) -> Score:
    """Score a review: `marked` are line numbers. Raises `LabkitError` for a line that there is not."""
    last = len(handler.numbered)
    strays = sorted(number for number in marked if not 1 <= number <= last)
    if strays:
        raise LabkitError(f"marked lines {strays}; the {handler.name} handler has lines 1 to {last}")
    found = tuple(problem for problem in handler.problems if set(problem.lines) & set(marked))
    missed = tuple(problem for problem in handler.problems if problem not in found)
    alarms = tuple(sorted(set(marked) - set(handler.guilty)))
    return Score(handler, found, missed, alarms)


def parse(entry: Mapping[str, Any]) -> Handler:
    """One handler of the file. Raises `LabkitError` for a planted line that is not in the code."""
    code = str(entry["code"]).strip("\n")
    places: dict[str, tuple[int, ...]] = {}
    for number, line in enumerate(code.split("\n"), 1):
        if line.strip():
            places[line.strip()] = (*places.get(line.strip(), ()), number)
    problems = sorted((_problem(found, places) for found in entry["problem"]), key=lambda p: p.lines)
    fine = {
        number: str(item["because"])
        for item in entry.get("fine", ())
        for number in _places(str(item["line"]), places)
    }
    return Handler(str(entry["name"]), str(entry["title"]), code, tuple(problems), fine)


def _problem(entry: Mapping[str, Any], places: Mapping[str, tuple[int, ...]]) -> Problem:
    lines = sorted(number for line in entry["lines"] for number in _places(line, places))
    words = (str(entry[name]) for name in ("problem", "why", "better", "lesson"))
    return Problem(str(entry["name"]), tuple(lines), *words)


def _places(line: str, places: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    if line not in places:
        raise LabkitError(f"no line of the handler is {line!r}; copy it from the code, without indentation")
    return places[line]


def _read() -> dict[str, Handler]:
    text = resources.files(__package__).joinpath("handlers.toml").read_text("utf-8")
    return {entry["name"]: parse(entry) for entry in tomllib.loads(text)["handler"]}


HANDLERS = _read()
SHORT, LONG = HANDLERS["short"], HANDLERS["long"]
