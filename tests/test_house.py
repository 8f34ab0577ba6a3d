"""The learner's copies: made, kept up to date, and never overwritten."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from labkit.lab.house import copy_all


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_lessons_and_exercises_are_copied_once(tmp_path: Path) -> None:
    """A first round makes the copies, a second does nothing."""
    write(tmp_path / "notebooks/00_one_call.ipynb", "lesson")
    write(tmp_path / "exercises/01_keys.ipynb", "exercise")
    done = copy_all(tmp_path)
    assert (tmp_path / "work/lessons/00_one_call.ipynb").read_text() == "lesson"
    assert (tmp_path / "work/01_keys.ipynb").read_text() == "exercise"
    assert done.sentence() == "2 new"
    assert copy_all(tmp_path).sentence() == "nothing new"


def test_without_lessons_nothing_happens(tmp_path: Path) -> None:
    """An empty folder stays empty."""
    assert copy_all(tmp_path).sentence() == "nothing new"
    assert list(tmp_path.iterdir()) == []


def test_an_untouched_copy_follows_its_original(tmp_path: Path) -> None:
    """A corrected lesson reaches the learner who has not started it."""
    original = write(tmp_path / "notebooks/00.ipynb", "first")
    copy_all(tmp_path)
    original.write_text("second")
    assert copy_all(tmp_path).sentence() == "1 updated"
    assert (tmp_path / "work/lessons/00.ipynb").read_text() == "second"


def test_caches_and_checkpoints_are_not_copied(tmp_path: Path) -> None:
    """What tools leave beside notebooks is nobody's work."""
    write(tmp_path / "exercises/.ipynb_checkpoints/00.ipynb", "")
    write(tmp_path / "exercises/__pycache__/x.pyc", "")
    assert copy_all(tmp_path).made == []


@given(
    st.lists(
        st.sampled_from(["copy", "learner A", "learner B", "original 1", "original 2", "forget"]), max_size=8
    )
)
def test_what_a_learner_wrote_is_never_lost(tmp_path_factory, steps: list[str]) -> None:
    """Whatever happens to originals, copies and the register, a learner's text stays until they change it."""
    home = tmp_path_factory.mktemp("house")
    original, mine = write(home / "exercises/01.ipynb", "original 0"), home / "work/01.ipynb"
    for step in ["copy", *steps, "copy"]:
        wrote = mine.read_text() if mine.exists() else ""
        if step == "copy":
            copy_all(home)
            assert mine.read_text() == wrote if wrote.startswith("learner") else mine.exists()
        elif step.startswith("learner"):
            mine.write_text(step)
        elif step.startswith("original"):
            original.write_text(step)
        else:
            (home / "work/.copies.json").unlink(missing_ok=True)
