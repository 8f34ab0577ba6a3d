"""Every exercise of the bank: unsolved it fails, solved it passes, and a mistake is told its reason."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from labkit.lab.grading import bank
from labkit.lab.grading.judge import Report
from labkit.lab.grading.mutate import mutants
from labkit.lab.grading.notebook import read_notebook
from labkit.lab.grading.observe import Code, observations, run_cells
from labkit.lab.grading.strip import BEGIN, END, exercise_from, label
from labkit.lab.lessons import lessons

ROOT = Path(__file__).resolve().parent.parent
SOLUTIONS = sorted((ROOT / "solutions").glob("*.ipynb"))
KNOWN_WRONG = sorted((ROOT / "tests" / "known_wrong").glob("*/*.py"))
CAUGHT = 0.9  # the share of mutants that a bank must notice

every_solution = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)


def code_cells(path: Path) -> list[str]:
    """The code of a notebook, without the cells that ask for a check."""
    return [cell for cell in read_notebook(path.read_bytes()) if "check(" not in cell]


def judge(number: str, cells: Sequence[str], seed: int = 0, seconds: float = 2.0) -> Report:
    """Run cells and judge them, as a check in a kernel does."""
    code, errors = run_cells(cells)
    return judge_code(number, code, errors, seed, seconds)


def judge_code(number: str, code: Code, errors: Sequence[str], seed: int, seconds: float) -> Report:
    exercise = bank.load(number)
    cases = exercise.draw(Random(seed))
    seen = json.loads(json.dumps(observations(code, bank.load_probes(number), cases, seconds)))
    return exercise.judge(cases, seen, errors)


def test_each_exercise_has_all_its_parts() -> None:
    """A number in the bank has probes, a solution, an exercise, known mistakes, its lesson's points."""
    worth = {lesson.name[:2]: lesson.points for lesson in lessons() if lesson.points}
    for number in bank.numbers():
        exercise = bank.load(number)
        assert {check.name for check in exercise.checks} == set(bank.load_probes(number))
        (solution,) = (path for path in SOLUTIONS if path.name.startswith(number))
        assert (ROOT / "exercises" / solution.name).is_file()
        mistakes = [path for path in KNOWN_WRONG if path.parent.name == solution.stem]
        assert len(mistakes) >= 5, f"exercise {number} has {len(mistakes)} known mistakes; wanted 5"
        assert exercise.worth == worth[number], f"exercise {number}: points differ from the manifest"
        assert 3 <= len(exercise.checks) <= 6
        read = exercise.checks[0].read.partition("#")[0]
        assert read == solution.stem, "a check sends its learner to another lesson"


@every_solution
def test_exercises_are_what_the_generator_makes(path: Path) -> None:
    """`python tools/exercises.py` changes nothing: no exercise is edited by hand."""
    solution = json.loads(path.read_text("utf-8"))
    exercise = json.loads((ROOT / "exercises" / path.name).read_text("utf-8"))
    assert exercise_from(solution) == exercise
    label(solution, path.name[:2], bank.load(path.name[:2]).worth)
    assert solution == json.loads(path.read_text("utf-8"))
    assert not any(mark in json.dumps(exercise) for mark in (BEGIN, END))


@every_solution
@pytest.mark.parametrize("seed", range(5))
def test_the_solution_passes_with_full_points(path: Path, seed: int) -> None:
    """Whatever inputs are drawn."""
    report = judge(path.name[:2], code_cells(path), seed)
    assert report.passed, [finding for finding in report.findings if not finding.passed]
    assert report.points == report.worth
    assert not report.errors


@every_solution
def test_the_exercise_unsolved_fails_every_check(path: Path) -> None:
    """It runs from top to bottom without an error, earns nothing, and nobody is told what they thought."""
    report = judge(path.name[:2], code_cells(ROOT / "exercises" / path.name))
    assert not report.errors
    assert [False] * len(report.findings) == [finding.passed for finding in report.findings]
    assert 0 == report.points
    assert [""] * len(report.findings) == [finding.misconception_name for finding in report.findings]


@pytest.mark.parametrize("path", KNOWN_WRONG, ids=lambda path: f"{path.parent.name}/{path.stem}")
@pytest.mark.parametrize("seed", range(3))
def test_a_known_mistake_is_told_its_reason(path: Path, seed: int) -> None:
    """The solution with one wrong part fails, and the finding names the thought behind it."""
    name, _, told = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition(":")
    assert told.strip(), f"{path.name} must open with a docstring: misconception-name: what is thought"
    number = path.parent.name[:2]
    solution = ROOT / "solutions" / f"{path.parent.name}.ipynb"
    report = judge(number, [*code_cells(solution), path.read_text("utf-8")], seed)
    assert not report.errors
    assert not report.passed
    assert name in {finding.misconception_name for finding in report.findings}


def test_every_misconception_has_its_known_mistake() -> None:
    """A misconception that no test reaches may be named where it does not fit."""
    for number in bank.numbers():
        named = {m.name for check in bank.load(number).checks for m in check.misconceptions}
        shown = {
            (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition(":")[0]
            for path in KNOWN_WRONG
            if path.parent.name.startswith(number)
        }
        assert named == shown, f"exercise {number}"


def survivors(path: Path) -> tuple[int, list[str]]:
    """How many mutants there are, and those that still get full points."""
    cells = code_cells(path)
    total, left = 0, []
    for at, cell in enumerate(cells):
        if BEGIN not in cell:
            continue
        for mutant in mutants(cell):
            total += 1
            changed = [*cells[:at], mutant.source, *cells[at + 1 :]]
            if all(judge(path.name[:2], changed, seed, 0.3).passed for seed in range(3)):
                left.append(f"{path.stem}: {mutant.where}")
    return total, left


@every_solution
def test_mechanical_mistakes_are_noticed(path: Path) -> None:
    """At least 90% of a solution's mutants lose points; those that do not are listed with a reason."""
    reasons = json.loads((ROOT / "tests" / "known_wrong" / "survivors.json").read_text("utf-8"))
    total, left = survivors(path)
    unlisted = [where for where in left if where not in reasons]
    assert not unlisted, f"these mutants get full points: {unlisted}"
    assert total - len(left) >= CAUGHT * (total - sum(where in reasons for where in left))


def test_the_listed_survivors_are_real(request: Any) -> None:
    """A reason for a mutant that no longer exists is dead text."""
    reasons = json.loads((ROOT / "tests" / "known_wrong" / "survivors.json").read_text("utf-8"))
    stems = {path.stem for path in SOLUTIONS}
    assert {where.partition(":")[0] for where in reasons} <= stems
    assert all(reason.strip() for reason in reasons.values())
