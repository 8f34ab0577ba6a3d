"""`labkit verify`: it is quiet about an honest bank, and names what is amiss in another."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from labkit.lab.grading.verify import lines_of, verify

ROOT = Path(__file__).resolve().parent.parent
STEM = "06_retry_or_not"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A house with one exercise, to be spoilt."""
    for folder in ("solutions", "exercises"):
        (tmp_path / folder).mkdir()
        shutil.copy(ROOT / folder / f"{STEM}.ipynb", tmp_path / folder)
    shutil.copytree(ROOT / "tests" / "known_wrong" / STEM, tmp_path / "tests" / "known_wrong" / STEM)
    return tmp_path


def amiss(home: Path) -> list[str]:
    return [f"{line.what}: {line.amiss}" for line in lines_of("06", home) if line.amiss]


def test_an_honest_exercise_has_nothing_amiss(home: Path) -> None:
    """Its solution passes, its exercise fails, and each misconception has its known mistake."""
    assert [] == amiss(home)
    assert "all-429-alike" in {line.what for line in lines_of("06", home)}


def test_what_is_amiss_is_named(home: Path) -> None:
    """A solved exercise, a solution that fails, a mistake that is none, a misconception without one."""
    shutil.copy(home / "solutions" / f"{STEM}.ipynb", home / "exercises")
    assert ["unsolved earns nothing: 10"] == amiss(home)
    shutil.copy(ROOT / "exercises" / f"{STEM}.ipynb", home / "solutions")
    assert "the solution passes: it does not" in amiss(home)


def test_a_mistake_must_be_told_its_reason(home: Path) -> None:
    """A known mistake that is right is amiss, and so is the misconception that only it showed."""
    for path in (home / "tests" / "known_wrong" / STEM).glob("*.py"):
        if '"""all-429-alike' in path.read_text():
            path.write_text('"""all-429-alike: nothing is wrong here."""\n')
    assert ["all-429-alike: this mistake is not told its reason", "all-429-alike: no known mistake"] == amiss(
        home
    )


def test_missing_files_are_amiss(tmp_path: Path) -> None:
    """A bank without its notebooks is not honest, and the exit code says so."""
    shown = io.StringIO()
    assert 1 == verify(tmp_path, Console(file=shown, width=150))
    assert "it needs a notebook in solutions/" in shown.getvalue()
