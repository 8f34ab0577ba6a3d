"""What reaches the journal, and what never does."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from labkit.lab import feed
from labkit.lab.grading.judge import Finding, Report
from labkit.lab.journal import Journal, due
from labkit.lab.widgets import Step

STEP = Step("answered", "16-quota", ("a wait",), 90, ("an end",), right=False)
LESSON = """
from labkit.lab.widgets import Predict, Recall
guess = Predict("?", ["1", "2"], name="05-longest-wait")
guess.reveal("1")
guess.commit("2", confidence=70)
Recall("?", "!", name="04-success-only").commit("I knew it")
"""


def named(path: Path) -> dict[str, str]:
    return {"LABKIT_JOURNAL": str(path)}


def test_a_quiz_answer_is_noted_with_its_confidence(tmp_path: Path) -> None:
    """One line, which the review can use."""
    feed.heard(STEP, named(tmp_path / "j.jsonl"))
    (entry,) = Journal(tmp_path / "j.jsonl").read().entries
    assert (entry.kind, entry.name, entry.lesson, entry.right) == ("answered", "16-quota", "16", False)
    assert entry.data["confidence"] == 90
    assert [item.name for item in due([entry], entry.at + 86_400)] == ["16-quota"]


def test_a_prediction_is_noted_when_it_is_made_and_when_it_is_seen(tmp_path: Path) -> None:
    """First without an outcome, then with it."""
    here = named(tmp_path / "j.jsonl")
    feed.heard(Step("predicted", "07-finish", ("200",), 50), here)
    feed.heard(Step("revealed", "07-finish", ("200",), 50, ("60",), right=False), here)
    entries = Journal(tmp_path / "j.jsonl").read().entries
    assert [(entry.kind, entry.right) for entry in entries] == [("predicted", None), ("predicted", False)]


def test_a_check_is_noted_as_points_only(tmp_path: Path) -> None:
    """Nothing of what the learner wrote."""
    secret = Finding("c", "asks", passed=False, points=1.0, worth=2, got="the learner's own value")
    feed.checked(Report("06", (secret,)), named(tmp_path / "j.jsonl"))
    (entry,) = Journal(tmp_path / "j.jsonl").read().entries
    assert (entry.kind, entry.name, dict(entry.data)) == (
        "checked",
        "06",
        {"points": 1.0, "worth": 2, "right": False},
    )


@pytest.mark.parametrize("who", feed.NOT_A_LEARNER)
def test_tests_and_the_grader_leave_no_trace(who: str, tmp_path: Path) -> None:
    """The variable is set, and so is a sign that no learner is at work."""
    feed.heard(STEP, {**named(tmp_path / "j.jsonl"), who: "1"})
    assert list(tmp_path.iterdir()) == []


def test_without_the_variable_nothing_is_written() -> None:
    """Outside of `labkit start` there is no journal."""
    assert feed.journal({}) is None
    assert feed.journal({"LABKIT_JOURNAL": ""}) is None


def test_a_failing_journal_does_not_stop_a_lesson(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder stands where the file should be: said once, and the lesson goes on."""
    (tmp_path / "j.jsonl").mkdir()
    for _ in range(3):
        feed.heard(STEP, named(tmp_path / "j.jsonl"))
    said = capsys.readouterr().err
    assert said.count("your journal misses this") == 1
    assert "j.jsonl" in said


def test_what_cannot_be_written_down_is_no_trouble_either(tmp_path: Path) -> None:
    """A choice that is no text at all."""
    feed.heard(Step("predicted", "07-x", (object(),)), named(tmp_path / "j.jsonl"))  # type: ignore[arg-type]
    assert not (tmp_path / "j.jsonl").exists()


def clean(path: Path) -> dict[str, str]:
    """The environment as a learner has it, with a journal."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")} | named(path)


def test_the_widgets_of_a_lesson_feed_it(tmp_path: Path) -> None:
    """As in a learner's kernel: predicted, seen, recalled."""
    subprocess.run([sys.executable, "-c", LESSON], env=clean(tmp_path / "j.jsonl"), check=True)
    entries = Journal(tmp_path / "j.jsonl").read().entries
    assert [entry.kind for entry in entries] == ["predicted", "predicted", "recalled"]


def test_a_notebook_under_nbval_feeds_nothing(tmp_path: Path) -> None:
    """The same lesson, run as the tests run notebooks, in a kernel of its own."""
    lesson = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(LESSON)])
    nbformat.write(lesson, tmp_path / "lesson.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "--nbval-lax", "--nbval-current-env", "lesson.ipynb"]
    done = subprocess.run(
        command, cwd=tmp_path, env=clean(tmp_path / "j.jsonl"), capture_output=True, text=True, check=False
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert not (tmp_path / "j.jsonl").exists()
