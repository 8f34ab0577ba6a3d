"""The maintainer's notebook tool."""

import nbformat
import pytest

from tools import notebooks as tool

DRAFT = """\
# 05 Deadlines

Words.

<!-- cell: recall -->
## Recall

```python id=first tags=raises-exception
1 / 0
```

```python
budget = 3
```
"""


def _notebook(*cells):
    notebook = nbformat.v4.new_notebook()
    notebook["cells"] = list(cells)
    return notebook


def _code(source, outputs=(), count=1, name="a-cell"):
    return nbformat.v4.new_code_cell(source, id=name, outputs=list(outputs), execution_count=count)


def _prose(source, name="words"):
    return nbformat.v4.new_markdown_cell(source, id=name)


def _lines(*cells):
    return "\n".join(tool.problems(_notebook(*cells), "05_deadlines.ipynb"))


def _html(html):
    return nbformat.v4.new_output("display_data", {"text/html": html})


def test_a_draft_becomes_cells():
    """Fences are code, a comment cuts Markdown, options name and tag."""
    cells = tool.cells_from_text(DRAFT)
    assert [cell["cell_type"] for cell in cells] == ["markdown", "markdown", "code", "code"]
    assert [cell["id"] for cell in cells] == ["", "recall", "first", ""]
    assert cells[2]["metadata"]["tags"] == ["raises-exception"]


def test_a_notebook_and_its_draft_are_the_same_cells():
    """text_of, then cells_from_text, gives back what went in."""
    notebook = _notebook(*tool.cells_from_text(DRAFT))
    tool.tidy(notebook)
    again = tool.cells_from_text(tool.text_of(notebook))
    kept = [(c["cell_type"], c["id"], c["source"], c["metadata"]) for c in notebook["cells"]]
    assert [(c["cell_type"], c["id"], c["source"], c["metadata"]) for c in again] == kept


def test_ids_made_by_a_machine_become_words():
    """From the first words of the cell, each only once."""
    notebook = _notebook(_code("budget = 3", name="1a2b3c4d"), _code("budget = 3", name="5e6f7a8b"))
    tool.tidy(notebook)
    assert [cell["id"] for cell in notebook["cells"]] == ["budget-3", "budget-3-2"]


def test_a_readable_id_is_kept():
    """What an author chose stays, through any number of runs."""
    notebook = _notebook(_code("x = 1", name="first-call"))
    tool.tidy(notebook)
    assert notebook["cells"][0]["id"] == "first-call"


def test_widget_state_and_views_are_taken_out():
    """A view without its state shows an error until it is run."""
    shown = nbformat.v4.new_output(
        "display_data", {tool.WIDGET_VIEW: {"model_id": "1"}, "text/plain": "a slider"}
    )
    notebook = _notebook(_code("x", [shown]))
    notebook["metadata"]["widgets"] = {"state": {}}
    tool.tidy(notebook)
    assert "widgets" not in notebook["metadata"]
    assert notebook["cells"][0]["outputs"][0]["data"] == {"text/plain": "a slider"}


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (_code("\n".join(f"x{n} = {n}" for n in range(13))), "13 lines of code"),
        (_code("x;"), "ends with ';'"),
        (_code("x", count=None), "execution counts"),
        (_code("x", [nbformat.v4.new_output("stream", name="stderr", text="warning")]), "stderr"),
        (_code("x", [nbformat.v4.new_output("error", ename="ValueError")]), "ends in ValueError"),
        (_code("x", [_html("object at 0x7f00aa11bb22")]), "memory address"),
        (_code("x", [_html("/home/ann/labkit/x.py")]), "path of one machine"),
        (_code("x", [_html("<img src='data:image/png;base64,AA'>")]), "without its sentence"),
        (_prose("Well done!"), "exclamation"),
        (_prose("![](a.png)"), "alternative text"),
    ],
)
def test_a_departure_from_the_plan_is_said(cell, said):
    """One cell, one departure, one line."""
    assert said in _lines(cell)


def test_code_and_pictures_in_prose_may_hold_an_exclamation_mark():
    """`!=` and an image are no shouting."""
    assert "exclamation" not in _lines(_prose("`a != b`, ![a plot](b.png)\n```python\na != b\n```"))


def test_a_plot_with_its_sentence_is_kept():
    """In the output itself, or in the next cell."""
    html = "<img src='data:image/png;base64,AA'>"
    assert "sentence" not in _lines(_code("x", [_html(html + "What to see: a line.")]))
    assert "sentence" not in _lines(_code("x", [_html(html)]), _prose("What to see: a line."))


def test_a_missing_section_and_a_wrong_order_are_said():
    """The headings carry the plan."""
    said = _lines(_prose("## Run"), _prose("## Predict: how many?", name="b"))
    assert "no section '## Recall'" in said
    assert "order" in said


def test_a_cell_that_differs_when_run_again_is_named(tmp_path):
    """A counter that grows looks broken to someone who runs a cell twice."""
    notebook = _notebook(
        _code("seen = []", name="start"),
        _code("seen.append(1)\nlen(seen)", name="grows"),
        _code("3", name="same"),
    )
    assert tool.rerun_differences(notebook, tmp_path) == ["grows: shows something else when it is run again"]
