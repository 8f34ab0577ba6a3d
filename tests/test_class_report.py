"""The class page: figures that can be checked by hand, and likeness that no comment hides."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.lab.grading.notebook import digest
from labkit.lab.grading.report import (
    Alike,
    Thought,
    alike,
    correlation,
    distribution,
    items,
    thoughts,
    write_report,
)
from labkit.lab.grading.results import Graded, Results, ResultsError
from labkit.lab.grading.run import bank_digest
from labkit.lab.grading.submissions import Submission

ROOT = Path(__file__).resolve().parent.parent


def finding(check: str, points: float, worth: int = 4, misconception: str = "") -> dict[str, object]:
    return {
        "check": check,
        "asks": f"{check}?",
        "points": points,
        "worth": worth,
        "misconception": misconception,
    }


def test_full_marks_are_in_the_last_bin() -> None:
    """Every mark falls in one bin."""
    counts = [count for _, count in distribution([0, 0.9, 1.0, 9.5, 10], 10)]
    assert [2, 1, 0, 0, 0, 0, 0, 0, 0, 2] == counts


def test_difficulty_and_discrimination() -> None:
    """A check that goes with the others has 1, its reverse -1, and one that all pass has none."""
    left, right = [0, 2, 4], [4, 2, 0]
    findings = [
        [finding("with", a), finding("against", b), finding("easy", 4), finding("more", 10 * a)]
        for a, b in zip(left, right, strict=True)
    ]
    found = {item.check: item for item in items(findings)}
    assert 0.5 == found["with"].difficulty
    assert (1.0, None) == (found["easy"].difficulty, found["easy"].discrimination)
    assert pytest.approx(1.0) == found["with"].discrimination
    assert pytest.approx(-1.0) == found["against"].discrimination


def test_correlation_by_hand() -> None:
    """1 2 3 against 1 3 2 is a half; what does not vary has none."""
    assert pytest.approx(0.5) == correlation([1, 2, 3], [1, 3, 2])
    assert correlation([1, 1], [1, 2]) is None


def test_misconceptions_are_counted() -> None:
    """The most frequent first; a finding without one counts for nothing."""
    findings = [[finding("a", 0, misconception=told)] for told in ("x", "y", "y", "")]
    assert [Thought("y", 2, "a"), Thought("x", 1, "a")] == list(thoughts(findings))


TEMPLATE = (
    "def advice(status, kind):\n    return 'retry' if status in (429, 503) and kind is None else 'stop'\n"
)


def own(number: int) -> str:
    """Work that resembles no other: each with names and an order of its own."""
    lines = [f"    value_{number}_{step} = {number} * {step} + other_{number}({step})" for step in range(8)]
    return TEMPLATE + f"def work_{number}(x):\n" + "\n".join(lines) + "\n"


def test_a_comment_hides_no_copy() -> None:
    """Work with other comments is nearly identical, the same bytes are identical, the rest is neither."""
    code = {f"s{number:02}": own(number) for number in range(20)}
    code["copy"] = own(3)
    code["near"] = own(7).replace("):\n", "):  # mine\n\n")
    assert [Alike(("copy", "s03"), 1.0), Alike(("near", "s07"), 1.0)] == list(alike(code))


def test_what_all_were_given_is_no_likeness() -> None:
    """A class that differs only where each has to differ is not a class of copies."""
    assert [] == list(alike({f"s{number}": own(number) for number in range(10)}))


def test_code_that_is_no_python_is_compared_all_the_same() -> None:
    """A syntax error hides nothing and breaks nothing."""
    broken = " ".join(f"word{number}" for number in range(40)) + " ((( '"
    pairs = list(alike({"a": broken, "b": broken + "\n\n", **{f"s{n}": own(n) for n in range(10)}}))
    assert [("a", "b")] == [pair.students for pair in pairs]


def test_the_page_holds_what_was_graded(tmp_path: Path) -> None:
    """Self-contained, its tables have captions and headers, and a student's name is text."""
    with Results(tmp_path / "results.sqlite", bank_digest) as results:
        for student, points in (("<b>ann", 10.0), ("ben", 4.0)):
            work = Submission(student, "06", "x", (own(len(student)),))
            results.note(work)
            report = json.dumps({"findings": [finding("advice", points, 10, "You <i>guess.")]})
            graded = Graded(
                "06", digest(list(work.cells)), bank_digest("06"), "failed", points, 10, report, 0.1
            )
            results.keep(graded)
    html = write_report(tmp_path).read_text("utf-8")
    for needed in (
        "2 students",
        "7.0 of 10",
        "advice?",
        "You &lt;i&gt;guess.",
        "<caption>",
        '<html lang="en">',
    ):
        assert needed in html
    for barred in ("<script", "<i>guess", "http", "src=", "url("):
        assert barred not in html


def test_no_results_no_report(tmp_path: Path) -> None:
    """The message says which command makes them, and no empty table is left behind."""
    with pytest.raises(ResultsError, match="labkit grade"):
        write_report(tmp_path)
    assert [] == list(tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-m", "labkit", "report", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 1 == done.returncode
    assert "labkit grade" in done.stderr
