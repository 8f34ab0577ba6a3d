"""Every lesson keeps to the notebook plan; nbval runs them, this reads them."""

import re
from pathlib import Path

import nbformat
import pytest

from labkit.lab.lessons import lessons, questions
from tools import notebooks as tool

PATHS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def lesson(request):
    """One lesson: its path and its notebook."""
    return request.param, nbformat.read(request.param, as_version=4)


def test_the_plan_is_kept(lesson):
    """Size, sections, counts, sentences under plots, no trace of one machine."""
    path, notebook = lesson
    assert tool.problems(notebook, path.name) == []


def test_the_notebook_is_one_of_the_manifest(lesson):
    """Its name and its title are those of lessons.toml."""
    path, notebook = lesson
    known = {found.notebook: found for found in lessons()}[path.name]
    assert notebook["cells"][0]["source"].startswith(f"# {known.number} {known.title}")


def test_recall_asks_about_earlier_lessons(lesson):
    """A question about a lesson that is still to come cannot be recalled."""
    path, notebook = lesson
    code = "\n".join(cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code")
    asked = re.findall(r'"((?:\d\d|brought)-[\w-]+)"', "".join(re.findall(r"ask\((.*?)\)", code, re.DOTALL)))
    assert len(asked) == 2
    assert all(name in questions() for name in asked)
    assert all(name.startswith("brought-") or name[:2] < path.name[:2] for name in asked)
