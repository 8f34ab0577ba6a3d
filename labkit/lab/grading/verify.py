"""`labkit verify`: is the bank honest? Solutions pass, exercises fail, and each mistake is told its reason.

A bank that was right when it was written rots with every change: a solution that no longer passes, or a
misconception that no mistake reaches, is found by a student. This looks at all of it, for authors.

    verify(house())          # a table of exercise × misconception × known mistake; 0 where nothing is amiss

Mutants take minutes, and are in the tests: `labkit test -- tests/test_exercises.py`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from labkit.lab.grading import bank
from labkit.lab.grading.judge import Report
from labkit.lab.grading.notebook import read_notebook
from labkit.lab.grading.observe import observations, run_cells

SEEDS = range(3)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at. `amiss` is empty where it is as it should be."""

    exercise: str
    what: str
    by: str
    amiss: str = ""


def verify(home: Path, console: Console | None = None) -> int:
    """Look at every exercise of the bank; show a table, and give 0 where nothing is amiss."""
    console = console or Console()
    table = Table("exercise", "what", "shown by", "result", title="The bank", title_justify="left")
    amiss = 0
    for number in bank.numbers():
        for line in lines_of(number, home):
            amiss += bool(line.amiss)
            table.add_row(
                line.exercise, line.what, line.by, f"✗ {line.amiss}" if line.amiss else "✓ as it should"
            )
    console.print(table)
    console.print(f"{amiss} amiss" if amiss else "nothing is amiss; mutants are in tests/test_exercises.py")
    return int(amiss > 0)


def lines_of(number: str, home: Path) -> Iterator[Line]:
    """The solution, the exercise, and each misconception with the known mistakes that are told it."""
    solution, exercise = (_one(home / folder, number) for folder in ("solutions", "exercises"))
    if solution is None or exercise is None:
        yield Line(number, "its files", "", "it needs a notebook in solutions/ and in exercises/")
        return
    cells = code_cells(solution)
    passes = all(judged(number, cells, seed).passed for seed in SEEDS)
    yield Line(number, "the solution passes", solution.name, "" if passes else "it does not")
    unsolved = judged(number, code_cells(exercise), 0)
    yield Line(
        number, "unsolved earns nothing", exercise.name, f"{unsolved.points:g}" if unsolved.points else ""
    )
    told: dict[str, list[str]] = {}
    for path in sorted((home / "tests" / "known_wrong" / solution.stem).glob("*.py")):
        source = path.read_text("utf-8")
        wanted = (ast.get_docstring(ast.parse(source)) or "").partition(":")[0]
        if all(wanted in names_told(judged(number, [*cells, source], seed)) for seed in SEEDS):
            told.setdefault(wanted, []).append(path.stem)
        else:
            yield Line(number, wanted or "no name", path.name, "this mistake is not told its reason")
    for name in dict.fromkeys(m.name for check in bank.load(number).checks for m in check.misconceptions):
        yield Line(number, name, ", ".join(told.get(name, ())), "" if name in told else "no known mistake")


def judged(number: str, cells: Sequence[str], seed: int) -> Report:
    """Our own code, run here and judged as a check in a kernel is."""
    exercise = bank.load(number)
    cases = exercise.draw(Random(seed))
    code, errors = run_cells(cells)
    seen = json.loads(json.dumps(observations(code, bank.load_probes(number), cases)))
    return exercise.judge(cases, seen, errors)


def names_told(report: Report) -> set[str]:
    """The misconceptions that a report names."""
    return {finding.misconception_name for finding in report.findings}


def code_cells(path: Path) -> list[str]:
    """The code of a notebook, without the cells that ask for a check."""
    return [cell for cell in read_notebook(path.read_bytes()) if "check(" not in cell]


def _one(folder: Path, number: str) -> Path | None:
    return next(iter(sorted(folder.glob(f"{number}_*.ipynb"))), None)
