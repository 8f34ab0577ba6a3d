"""What every kept notebook must be: run in full, free of leftovers, and free of keys."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.keykinds import find_keys

HOME = Path(__file__).parents[1]
NOTEBOOKS = sorted(path for folder in ("notebooks", "solutions") for path in (HOME / folder).glob("*.ipynb"))
LESSONS = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")


def code_cells(path: Path) -> list[dict]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """Every text in a notebook, with the cell it stands in: source, outputs, attachments and metadata."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    yield "the notebook's metadata", json.dumps(notebook["metadata"])
    for number, cell in enumerate(notebook["cells"]):
        yield f"cell {number}, source", "".join(cell["source"])
        for name in ("outputs", "attachments", "metadata"):
            yield from ((f"cell {number}, {name}", text) for text in strings(cell.get(name)))


def strings(value: object, name: str = "") -> Iterator[str]:
    """The texts in a JSON value; a list of lines is one text. Pictures in base64 are no text."""
    if isinstance(value, str):
        yield "" if name.startswith("image/") and "svg" not in name else value
    elif isinstance(value, list):
        if value and all(isinstance(line, str) for line in value):
            yield "".join(value)
        else:
            for item in value:
                yield from strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings(item, key)


def keys_in(path: Path) -> list[str]:
    """Where a notebook holds what looks like a credential, by its kind alone."""
    return [f"{where}: {kind.name}" for where, text in texts(path) for kind, _, _ in find_keys(text)]


@LESSONS
def test_every_code_cell_was_run(path: Path) -> None:
    """A cell without a count passes the strict comparison unread, so each has one, from 1 upwards."""
    counts = [cell["execution_count"] for cell in code_cells(path) if "".join(cell["source"]).strip()]
    assert counts == list(range(1, len(counts) + 1))


@LESSONS
def test_no_widget_state_is_stored(path: Path) -> None:
    """A widget's state is 25 kB that no viewer needs, and some call the notebook invalid for it."""
    assert "widgets" not in json.loads(path.read_text(encoding="utf-8"))["metadata"]


@LESSONS
def test_no_key_stands_in_a_notebook(path: Path) -> None:
    """Neither source nor outputs hold anything that looks like a credential."""
    assert keys_in(path) == []


@LESSONS
def test_no_path_of_a_machine_stands_in_an_output(path: Path) -> None:
    """Outputs are the same for everyone: no home, no temporary folder."""
    here = map(re.escape, (str(HOME), str(Path.home()), tempfile.gettempdir()))
    places = re.compile(rf"(/home/\w+|/Users/\w+|[A-Z]:\\Users|{'|'.join(here)})")
    found = [f"{where}: {hit[0]}" for where, text in texts(path) if (hit := places.search(text))]
    assert found == []


@pytest.mark.parametrize("place", ["source", "stream", "result", "attachment", "metadata"])
def test_a_key_is_seen_wherever_it_stands(tmp_path: Path, place: str) -> None:
    """The check itself: one key, in each place that a notebook has."""
    key = "sk-proj-" + "a1B2c3D4e5F6g7H8" * 8
    cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "source": ["x"], "outputs": []}
    if place == "source":
        cell["source"] = ["key = \\\n", f"  '{key}'"]
    elif place == "stream":
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [f"<{key}&\n"]}]
    elif place == "result":
        cell["outputs"] = [{"output_type": "execute_result", "data": {"text/html": [f"<b>{key}</b>"]}}]
    elif place == "attachment":
        cell["attachments"] = {"x.svg": {"image/svg+xml": key}}
    else:
        cell["metadata"] = {"note": key}
    path = tmp_path / "one.ipynb"
    path.write_text(json.dumps({"cells": [cell], "metadata": {}}))
    assert len(keys_in(path)) == 1
