"""`labkit grade`: the same marks at every run, whatever was killed on the way; an exit code that is true."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from labkit.lab.grading.command import grade_class
from labkit.lab.grading.gradebook import canvas, changes, gradebook, moodle, tellable
from labkit.lab.grading.notebook import read_notebook
from labkit.lab.grading.pages import as_markdown, as_page, file_name
from labkit.lab.grading.results import Graded, Results, Row, Told
from labkit.lab.grading.run import Progress, bank_digest, grade, local
from labkit.lab.grading.submissions import Submission

ROOT = Path(__file__).resolve().parent.parent
SOLVED = [
    cell
    for cell in read_notebook((ROOT / "solutions" / "06_retry_or_not.ipynb").read_bytes())
    if "check(" not in cell
]
NAME = "06_retry_or_not.ipynb"


def hand_in(folder: Path, student: str, *cells: str, name: str = NAME) -> Path:
    path = folder / student / name
    path.parent.mkdir(parents=True, exist_ok=True)
    coded = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
    path.write_text(json.dumps({"cells": coded, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}))
    return path


def small_class(folder: Path) -> Path:
    hand_in(folder, "ann", *SOLVED)
    hand_in(folder, "ben", *SOLVED, "def kind_of(body): return 'auth'")
    hand_in(folder, "cy", *SOLVED, "import os; os._exit(0)")
    hand_in(folder, "dee").write_text("{")
    hand_in(folder, "eve", *SOLVED)
    return folder


def graded_files(out: Path) -> dict[str, bytes]:
    """All that people get: everything but the table, which holds times."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.name.startswith("results.sqlite")
    }


def run_grade(places: Path, out: Path, workers: int = 2) -> tuple[int, str]:
    told = io.StringIO()
    code = grade_class([places], out, workers=workers, console=Console(file=told, width=200))
    return code, told.getvalue()


def marks(out: Path) -> dict[str, tuple[str, str]]:
    with (out / "gradebook.csv").open(encoding="utf-8") as file:
        return {row["student"]: (row["06 points"], row["06 outcome"]) for row in csv.DictReader(file)}


@pytest.mark.slow
@pytest.mark.needs("bubblewrap")
def test_marks_are_the_same_bytes_for_any_number_of_workers(tmp_path: Path) -> None:
    """Gradebook, import files and feedback of one worker, of four, and of a second run."""
    places = small_class(tmp_path / "class")
    assert 0 == run_grade(places, tmp_path / "one", workers=1)[0]
    assert 0 == run_grade(places, tmp_path / "four", workers=4)[0]
    first = graded_files(tmp_path / "one")
    assert first == graded_files(tmp_path / "four")
    assert "5 results, 0 graded now" in run_grade(places, tmp_path / "one")[1]
    assert first == graded_files(tmp_path / "one")
    wanted = {
        "ann": ("10", "passed"),
        "cy": ("0", "killed"),
        "dee": ("0", "unreadable"),
        "eve": ("10", "passed"),
    }
    assert wanted.items() <= marks(tmp_path / "one").items()
    assert "failed" == marks(tmp_path / "one")["ben"][1]


@pytest.mark.slow
@pytest.mark.needs("bubblewrap")
def test_only_what_changed_is_graded_again(tmp_path: Path) -> None:
    """Equal work is graded once; new work is graded, and its mark is said to have changed, and why."""
    places = small_class(tmp_path / "class")
    assert "5 results, 3 graded now" in run_grade(places, tmp_path / "out")[1]  # eve's is ann's
    hand_in(places, "ben", *SOLVED)
    code, told = run_grade(places, tmp_path / "out")
    assert 0 == code
    assert "5 results, 0 graded now" in told
    assert "changed: ben, 06: " in told
    assert "→ 10.0, other work was handed in" in told
    assert "ben,06" in (tmp_path / "out" / "changes.csv").read_text()


def command(places: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "labkit", "grade", str(places), "--out", str(out), *more]


def results_in(out: Path) -> dict[str, float]:
    """What the table holds, read from outside: digest and the seconds that grading took."""
    try:
        with sqlite3.connect(f"file:{out / 'results.sqlite'}?mode=ro", uri=True) as database:
            return dict(database.execute("SELECT digest, seconds FROM graded"))
    except sqlite3.OperationalError:
        return {}


def wait_for(condition: object, seconds: float = 40.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < ends, "this did not happen in time"
        time.sleep(0.01)


def group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.slow
@pytest.mark.needs("bubblewrap")
def test_a_killed_run_resumes(tmp_path: Path) -> None:
    """After SIGKILL no process is left, nothing stored is graded again, and the marks are as if unbroken."""
    places = tmp_path / "class"
    for number in range(24):
        hand_in(places, f"s{number}", *SOLVED, f"import time; time.sleep(0.2); mine = {number}")
    first = subprocess.Popen(
        command(places, tmp_path / "out", "--workers", "2"),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(lambda: len(results_in(tmp_path / "out")) >= 4)
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = results_in(tmp_path / "out")
    assert 4 <= len(before) < 24, "it was not cut off in the middle"
    wait_for(lambda: group_is_gone(first.pid))
    again = subprocess.run(
        command(places, tmp_path / "out", "--workers", "2"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == again.returncode, again.stderr
    assert f"{24 - len(before)} graded now" in again.stdout
    after = results_in(tmp_path / "out")
    assert 24 == len(after)
    assert before.items() <= after.items()
    assert {("10", "passed")} == set(marks(tmp_path / "out").values())


@pytest.mark.slow
@pytest.mark.needs("bubblewrap")
def test_a_killed_worker_takes_nothing_along(tmp_path: Path) -> None:
    """Its pool is replaced, what was lost is asked for again, and nobody is to blame."""
    work = [Submission(f"s{n}", "06", "x", (*SOLVED, f"mine = {n}")) for n in range(12)]
    killed: list[int] = []

    def kill_one(_: Progress) -> None:
        if not killed:
            victim = multiprocessing.active_children()[0]
            victim.kill()
            killed.append(victim.pid or 0)

    with Results(tmp_path / "results.sqlite", bank_digest) as results:
        assert 12 == grade(work, results, pool=lambda: local(2), workers=2, told=kill_one)
        assert killed
        assert ["passed"] * 12 == [row.outcome for row in results.rows()]


@pytest.mark.slow
def test_without_bubblewrap_it_refuses(tmp_path: Path) -> None:
    """It says why, and grades only where somebody says in so many words that it is safe."""
    places = hand_in(tmp_path / "class", "ann", *SOLVED).parents[1]
    nothing = {**os.environ, "PATH": str(tmp_path)}
    refused, allowed = (
        subprocess.run(
            command(places, tmp_path / "out", *more),
            cwd=ROOT,
            env=nothing,
            capture_output=True,
            text=True,
            check=False,
        )
        for more in ((), ("--unsafe-no-sandbox", "--workers", "1"))
    )
    assert 1 == refused.returncode
    assert "bubblewrap is not installed" in refused.stderr
    assert "--unsafe-no-sandbox" in refused.stderr
    assert 0 == allowed.returncode, allowed.stderr
    assert {"ann": ("10", "passed")} == marks(tmp_path / "out")


@pytest.mark.slow
@pytest.mark.needs("bubblewrap")
def test_exit_codes_tell_the_truth(tmp_path: Path) -> None:
    """3 where somebody has no mark or nothing was found; 0 where all have one, however bad."""
    bad = hand_in(tmp_path / "bad", "ann", "x = 1").parents[1]
    assert 0 == run_grade(bad, tmp_path / "a", 1)[0]
    unknown = hand_in(tmp_path / "unknown", "ann", "x = 1", name="77_none.ipynb").parents[1]
    assert 3 == run_grade(unknown, tmp_path / "b", 1)[0]
    assert "77: no such exercise" in (tmp_path / "b" / "gradebook.csv").read_text()
    (tmp_path / "empty").mkdir()
    assert 3 == run_grade(tmp_path / "empty", tmp_path / "c", 1)[0]


FINDING = {
    "check": "advice",
    "asks": "What?",
    "passed": False,
    "points": 1.5,
    "worth": 4,
    "got": "<b>'x'</b>",
}


def row(student: str = "Ann", **changed: object) -> Row:
    report = json.dumps({"findings": [FINDING], "errors": ["cell 1: <script>alert(1)</script>"]})
    graded = Graded("06", "d1", "b1", "failed", 1.5, 10, report, 0.1)
    return replace(Row(student, "06", "d1", "x", "", "12", graded), **changed)


def test_course_systems_can_import_the_marks() -> None:
    """Canvas finds students by id and wants a row of points possible; Moodle wants its Identifier."""
    rows = [row(), row("Bo", course_id="")]
    assert "Student,ID,Section,Exercise 06\nPoints Possible,,,10\nAnn,12,,1.5\n" == canvas(rows), (
        "who has no id cannot be matched"
    )
    assert "Participant 12,Ann,1.5,10,failed: 1.5 of 10 points" in moodle(rows, "06").splitlines()


def test_a_name_is_no_formula() -> None:
    """A spreadsheet runs a cell that starts with =, and students choose the names of their files."""
    for name in ("=cmd|' /C calc'!A0", "+1", "@SUM(A1)", "-2"):
        assert f"'{name}" in gradebook([row(name)])


def test_a_grader_error_is_no_zero() -> None:
    """The grader's own fault leaves the mark empty, and says so."""
    faulty = row(graded=replace(row().graded, outcome="grader_error"))
    assert "Ann,12,,10,grader_error,0,06: grader_error" in gradebook([faulty]).splitlines()
    assert "Ann,12,,\n" in canvas([faulty])
    assert "Ann" not in moodle([faulty], "06")


def test_feedback_is_safe_and_accessible() -> None:
    """What a submission said is shown as text; the page has its landmarks and needs no second file."""
    html = as_page(row("<i>Ann</i>"))
    for needed in ('<html lang="en">', "<main>", "<caption>", '<th scope="col">', "<title>", "✗ not yet"):
        assert needed in html
    for barred in ("<script", "<b>'x'", "<i>Ann", "http:", "https:", "src=", "@import", "url("):
        assert barred not in html
    assert "Exercise 06: 1.5 of 10 points" in html
    assert "got: `<b>'x'</b>`" in as_markdown(row())


def test_folders_of_feedback_stay_in_their_place() -> None:
    """No student's name climbs out of the folder, and two students never share one."""
    names = ["../../etc", "..", "a/b", "a_b", "ann", "Ö", "Ü", "x" * 300, ""]
    made = [file_name(name) for name in names]
    assert len(set(made)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name) for name in made)


def told(points: float | None, bank: str, outcome: str = "failed", digest: str = "d") -> Told:
    report = {"findings": [{"check": "advice", "points": points or 0}, {"check": "kind", "points": 2}]}
    return Told("ann", "06", digest, bank, outcome, points, json.dumps(report))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (told(1, "b1"), told(4, "b2"), ["the bank changed: advice 1 → 4"]),
        (told(1, "b1"), told(1, "b2"), []),
        (told(1, "b1"), told(4, "b1", digest="e"), ["other work was handed in"]),
        (
            told(None, "b1", "grader_error"),
            told(4, "b1"),
            ["grader_error, then failed: the grader, not the work"],
        ),
        (None, told(4, "b1"), []),
    ],
)
def test_a_changed_mark_says_why(old: Told | None, new: Told, why: Sequence[str]) -> None:
    """Other work, other questions, or the grader."""
    before = {("ann", "06"): old} if old else {}
    assert list(why) == [change.why for change in changes([new], before)]


def test_what_is_told_is_what_the_gradebook_says() -> None:
    """The next run compares with the marks that were given out."""
    (one,) = tellable([row()])
    assert ("Ann", "06", "d1", "b1", "failed", 1.5) == (
        one.student, one.exercise, one.digest, one.bank, one.outcome, one.points
    )  # fmt: skip
