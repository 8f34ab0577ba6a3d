"""`labkit check`, `hint` and `reset`: the file as it is, run fresh; nothing that a learner wrote is lost."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from labkit.lab.grading.bank import UnknownExercise
from labkit.lab.grading.learner import NotThere, check_file, hint, reset, watch
from labkit.lab.grading.notebook import Unreadable
from labkit.lab.house import copy_all
from labkit.lab.journal import Journal

ROOT = Path(__file__).resolve().parent.parent
NAME = "06_retry_or_not.ipynb"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A house with one exercise, and the learner's copy of it."""
    (tmp_path / "exercises").mkdir()
    shutil.copy(ROOT / "exercises" / NAME, tmp_path / "exercises")
    copy_all(tmp_path)
    return tmp_path


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "work" / "journal.jsonl")


def check(home: Path, journal: Journal, **more: Path) -> tuple[int, str]:
    shown = io.StringIO()
    code = check_file("6", home, journal, console=Console(file=shown, width=100), **more)
    return code, shown.getvalue()


def test_the_file_is_run_fresh(home: Path, journal: Journal) -> None:
    """Unsolved it fails in words, solved it passes; both are in the journal, and the file is untouched."""
    copy = home / "work" / NAME
    before = copy.read_bytes()
    code, shown = check(home, journal)
    assert 1 == code
    assert "Exercise 06: 0 of 10 points" in shown
    assert "✗ not yet" in shown
    assert before == copy.read_bytes()
    code, shown = check(home, journal, file=ROOT / "solutions" / NAME)
    assert 0 == code
    assert "Exercise 06: 10 of 10 points" in shown
    entries = journal.read().entries
    assert [("checked", "06", False), ("checked", "06", True)] == [(e.kind, e.name, e.right) for e in entries]


def test_what_ends_the_process_is_said(home: Path, journal: Journal) -> None:
    """No table is invented where there are no answers."""
    (home / "work" / NAME).write_text(
        '{"cells": [{"cell_type": "code", "source": "import os; os._exit(0)"}]}'
    )
    code, shown = check(home, journal)
    assert 1 == code
    assert "it ended its own process" in shown


def test_what_cannot_be_checked_says_what_to_do(home: Path, journal: Journal) -> None:
    """A missing file, a broken one, a number that is none."""
    (home / "work" / NAME).write_text("{")
    with pytest.raises(Unreadable, match="Jupyter"):
        check(home, journal)
    (home / "work" / NAME).unlink()
    with pytest.raises(NotThere, match="labkit reset"):
        check(home, journal)
    with pytest.raises(UnknownExercise, match="06"):
        check_file("77", home, journal)


def test_hints_go_from_a_nudge_to_nearly_the_answer(journal: Journal) -> None:
    """Three levels, one a call; each is noted, and the last is said again."""
    told = [hint("6", journal) for _ in range(4)]
    assert [f"Hint {level} of 3" for level in (1, 2, 3, 3)] == [text.split(":")[0] for text in told]
    assert told[2] == told[3]
    assert len(set(told)) == 3
    assert [1, 2, 3, 3] == [entry.data["level"] for entry in journal.read().entries]
    assert "Hint 1" in hint("07", journal)
    with pytest.raises(NotThere, match="no lesson"):
        hint("77", journal)


def test_reset_loses_nothing(home: Path) -> None:
    """The exercise is as it was handed out, and every older file is kept."""
    copy = home / "work" / NAME
    for text in ("first", "second"):
        copy.write_text(text)
        assert "work/kept/06_retry_or_not" in reset("6", home).replace(os.sep, "/")
        assert copy.read_bytes() == (home / "exercises" / NAME).read_bytes()
    assert {"first", "second"} == {path.read_text() for path in (home / "work" / "kept").iterdir()}
    copy.unlink()
    reset("6", home)
    assert copy.is_file()
    with pytest.raises(NotThere, match="there are 06"):
        reset("77", home)


@pytest.mark.alone
def test_a_check_takes_a_heartbeat(tmp_path: Path) -> None:
    """`labkit check` of a solution ends within 1.5 s, the start of Python included; the best of five."""
    environment = {**os.environ, "LABKIT_JOURNAL": str(tmp_path / "journal.jsonl")}
    times = []
    for _ in range(5):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "labkit", "check", "06", str(ROOT / "solutions" / NAME)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        times.append(time.perf_counter() - began)
        assert 0 == done.returncode, done.stderr
        assert "10 of 10" in done.stdout
    assert min(times) < 1.5, times


def test_watching_checks_again_when_the_file_is_saved(home: Path, journal: Journal) -> None:
    """Saved solved, saved half, left alone, and ended by Ctrl-C: each save is looked at once."""
    copy, shown = home / "work" / NAME, io.StringIO()
    solved = (ROOT / "solutions" / NAME).read_bytes()
    saves = iter([None, lambda: copy.write_bytes(solved), None, lambda: copy.write_bytes(b"{"), None])

    def pause(_: float) -> None:
        try:
            save = next(saves)
        except StopIteration:
            raise KeyboardInterrupt from None
        if save is not None:
            save()

    watch("6", home, journal, console=Console(file=shown, width=100), sleep=pause)
    text = shown.getvalue()
    assert text.index("0 of 10 points") < text.index("10 of 10 points") < text.index("not JSON")
    assert 3 == text.count("watching")
    assert 2 == len(journal.read().entries)
