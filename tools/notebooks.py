"""Make, run, check and read the lesson notebooks.

Without this, every author's editor leaves its own mark: random cell ids, widget state, absolute
paths, outputs from a kernel that no longer agrees with the source. Then a diff of one sentence
is a diff of the whole file, and nobody sees that a lesson has lost its prediction.

    python tools/notebooks.py make draft.md notebooks/05_deadlines.ipynb   # once, to begin
    python tools/notebooks.py run notebooks/05_deadlines.ipynb             # fresh kernel, tidied
    python tools/notebooks.py check                                        # the plan, all lessons

The notebook is the source. A draft in Markdown is only a quick way to begin one, and
`text` prints a notebook back in that form, to read or to rework it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CELL_TIMEOUT = 60  # seconds, the same as nbval gets

# Every lesson has these headings, in this order. "## Predict: how many attempts?" counts as Predict.
SECTIONS = (
    "Recall",
    "The failure",
    "Predict",
    "Run",
    "Why",
    "Change it",
    "In the library",
    "Exercise",
    "Remember",
)
# These lessons have a plan of their own: two reviews and the test at the end.
FREE_FORM = ("14", "15", "16")
CELLS = range(15, 26)
CODE_LINES = 12

FENCE = re.compile(r"^```python(?P<options>[^\n]*)\n(?P<code>.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
CUT = re.compile(r"^<!-- cell(?:: (?P<id>[\w-]+))? -->[ \t]*$", re.MULTILINE)
OPTION = re.compile(r"(\w+)=([\w,-]+)")
RANDOM_ID = re.compile(r"^(?:[0-9a-f]{8}|[0-9a-f]{8}-[0-9a-f-]{27}|cell-\d+)$")


# ── drafts: Markdown ⇄ cells ────────────────────────────────────────────────────────────────────


def cells_from_text(text: str) -> list[NotebookNode]:
    """Cells of a draft: ```python fences are code, what stands between them is Markdown.

    `<!-- cell -->` on a line of its own (or `<!-- cell: some-id -->`) cuts Markdown in two.
    A fence may carry options: ```python id=first-call tags=raises-exception
    """
    cells: list[NotebookNode] = []
    at = 0
    for fence in FENCE.finditer(text):
        cells += _markdown_cells(text[at : fence.start()])
        options = dict(OPTION.findall(fence["options"]))
        cell = nbformat.v4.new_code_cell(fence["code"].rstrip())
        cell["id"] = options.get("id", "")
        if "tags" in options:
            cell["metadata"]["tags"] = options["tags"].split(",")
        cells.append(cell)
        at = fence.end()
    return cells + _markdown_cells(text[at:])


def _markdown_cells(text: str) -> list[NotebookNode]:
    pieces = CUT.split(text)  # text, id, text, id, text …
    ids = ["", *(found or "" for found in pieces[1::2])]
    cells = []
    for name, piece in zip(ids, pieces[::2], strict=True):
        if piece.strip():
            cell = nbformat.v4.new_markdown_cell(piece.strip())
            cell["id"] = name
            cells.append(cell)
    return cells


def text_of(notebook: NotebookNode) -> str:
    """The notebook as a draft: what `make` would turn back into the same cells."""
    parts = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            tags = cell["metadata"].get("tags", [])
            options = f" id={cell['id']}" + (f" tags={','.join(tags)}" if tags else "")
            parts.append(f"```python{options}\n{cell['source']}\n```")
        else:
            parts.append(f"<!-- cell: {cell['id']} -->\n{cell['source']}")
    return "\n\n".join(parts) + "\n"


# ── tidying: one form for every file ────────────────────────────────────────────────────────────


def tidy(notebook: NotebookNode) -> None:
    """Give ids, metadata and outputs the one form that we commit; keep outputs and counts."""
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    taken: set[str] = set()
    for cell in notebook["cells"]:
        cell["id"] = _unique(cell.get("id") or "", cell, taken)
        tags = cell["metadata"].get("tags")
        cell["metadata"] = {"tags": tags} if tags else {}
        cell["source"] = "\n".join(line.rstrip() for line in cell["source"].strip().split("\n"))
        for output in cell.get("outputs", ()):
            _tidy_output(output)


def _tidy_output(output: NotebookNode) -> None:
    # A stored view without its state shows "Error displaying widget" until the cell is run. Without
    # the view, a reader sees the widget's plain form, which every widget of ours brings along.
    if "data" in output:
        output["data"].pop(WIDGET_VIEW, None)
    output.pop("transient", None)


def _unique(name: str, cell: NotebookNode, taken: set[str]) -> str:
    if not name or RANDOM_ID.match(name):
        name = slug(cell)
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    taken.add(candidate)
    return candidate


def slug(cell: NotebookNode) -> str:
    """A readable id from the first words of a cell: `# %% ` no, `## Predict: how many` yes."""
    first = next((line for line in cell["source"].split("\n") if line.strip("#%` ")), "empty")
    words = re.findall(r"[a-z0-9]+", first.lower())[:5]
    return "-".join(words)[:48] or "cell"


# ── running ─────────────────────────────────────────────────────────────────────────────────────


def run(notebook: NotebookNode, folder: Path) -> None:
    """Run every cell in a fresh kernel of this Python, in the folder of the notebook."""
    from nbclient import NotebookClient  # noqa: PLC0415  # slow to import, and `text` needs none

    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    ).execute()


def rerun_differences(notebook: NotebookNode, folder: Path) -> list[str]:
    """Run each cell twice in a row: a cell that shows something else the second time is named.

    A learner runs cells again. If the second run differs, the lesson looks broken.
    """
    doubled = nbformat.from_dict(notebook)
    doubled["cells"] = [
        nbformat.from_dict({**cell, "id": f"{cell['id']}-{copy}"})
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
        for copy in ("first", "again")
    ]
    run(doubled, folder)
    pairs = zip(doubled["cells"][::2], doubled["cells"][1::2], strict=True)
    return [
        f"{first['id'].removesuffix('-first')}: shows something else when it is run again"
        for first, again in pairs
        if _words(first) != _words(again)
    ]


def _words(cell: NotebookNode) -> list[Any]:
    """What a cell shows, without pictures and views."""
    shown = []
    for output in cell["outputs"]:
        data = output.get("data", {})
        html = re.sub(r"base64,[^\"']+", "", str(data.get("text/html", "")))
        shown.append((output.get("text"), output.get("ename"), data.get("text/plain"), html))
    return shown


# ── checking the plan ───────────────────────────────────────────────────────────────────────────


def problems(notebook: NotebookNode, name: str) -> list[str]:
    """Everything in which a lesson departs from the notebook plan; empty when it keeps to it."""
    cells = notebook["cells"]
    return [
        *_shape(cells, name),
        *_sections(cells, name),
        *_counts(cells),
        *(line for at, _ in enumerate(cells) for line in _cell_problems(cells, at)),
        *_metadata(notebook),
    ]


def _shape(cells: Sequence[NotebookNode], name: str) -> Iterator[str]:
    if len(cells) not in CELLS:
        yield f"{len(cells)} cells; the plan is {CELLS.start} to {CELLS.stop - 1}: split or join some"
    title = cells[0]["source"].split("\n")[0] if cells else ""
    if not title.startswith(f"# {name[:2]} "):
        yield f"the first line is {title!r}; it should begin with '# {name[:2]} '"


def _sections(cells: Sequence[NotebookNode], name: str) -> Iterator[str]:
    if name.startswith(FREE_FORM):
        return
    headings = [
        heading
        for cell in cells
        if cell["cell_type"] == "markdown"
        for heading in re.findall(r"^## (.+)$", cell["source"], re.MULTILINE)
    ]
    seen = [next((s for s in SECTIONS if h.startswith(s)), h) for h in headings]
    wanted = [s for s in SECTIONS if s in seen]
    for missing in (s for s in SECTIONS if s not in seen):
        yield f"no section '## {missing}'"
    if [s for s in dict.fromkeys(seen) if s in SECTIONS] != wanted:
        yield f"sections stand in the order {seen}; wanted {wanted}"


def _counts(cells: Sequence[NotebookNode]) -> Iterator[str]:
    counts = [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}, not 1 to {len(counts)}: use the run command"


def _cell_problems(cells: Sequence[NotebookNode], at: int) -> Iterator[str]:
    cell = cells[at]
    where = cell["id"]
    if RANDOM_ID.match(where):
        yield f"{where}: the id was made by a machine; the run command gives a readable one"
    if cell["cell_type"] == "markdown":
        yield from _prose(cell)
        return
    lines = [
        line for line in cell["source"].split("\n") if line.strip() and not line.lstrip().startswith("#")
    ]
    if len(lines) > CODE_LINES:
        yield f"{where}: {len(lines)} lines of code; at most {CODE_LINES}"
    if cell["source"].rstrip().endswith(";"):
        yield f"{where}: ends with ';', which strict nbval does not accept; write `_ = …`"
    yield from _outputs(cells, at)


def _prose(cell: NotebookNode) -> Iterator[str]:
    prose = re.sub(r"```.*?```|`[^`]*`|<!--|!\[", "", cell["source"], flags=re.DOTALL)
    if "!" in prose:
        yield f"{cell['id']}: an exclamation mark; the learner is a colleague"
    if re.search(r"!\[\s*\]\(", cell["source"]):
        yield f"{cell['id']}: a picture without alternative text"


def _outputs(cells: Sequence[NotebookNode], at: int) -> Iterator[str]:
    cell = cells[at]
    everything = str(cell["outputs"])
    for output in cell["outputs"]:
        if output["output_type"] == "error" and "raises-exception" not in cell["metadata"].get("tags", []):
            yield f"{cell['id']}: ends in {output['ename']}; tag it raises-exception if that is the lesson"
        if output.get("name") == "stderr":
            yield f"{cell['id']}: writes to stderr: {output['text'][:60]!r}"
        if WIDGET_VIEW in output.get("data", {}):
            yield f"{cell['id']}: holds a widget view without its state: use the run command"
    if re.search(r"0x[0-9a-f]{8,}", everything):
        yield f"{cell['id']}: shows a memory address, which differs on every run"
    if re.search(r"/(?:home|root|Users|work|tmp)/", everything):
        yield f"{cell['id']}: shows a path of one machine"
    if "image/png" in everything and "What to see:" not in everything + _next_prose(cells, at):
        yield f"{cell['id']}: a plot without its sentence 'What to see: …'"


def _next_prose(cells: Sequence[NotebookNode], at: int) -> str:
    return cells[at + 1]["source"] if at + 1 < len(cells) else ""


def _metadata(notebook: NotebookNode) -> Iterator[str]:
    if "widgets" in notebook["metadata"]:
        yield "widget state is stored in the metadata: use the run command"
    if notebook["metadata"].get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is not python3: use the run command"


# ── the command line ────────────────────────────────────────────────────────────────────────────


def _read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def _write(notebook: NotebookNode, path: Path) -> None:
    tidy(notebook)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def _lessons(paths: Sequence[Path]) -> list[Path]:
    return list(paths) or sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def _make(draft: Path, path: Path) -> int:
    notebook = nbformat.v4.new_notebook()
    notebook["cells"] = cells_from_text(draft.read_text("utf-8"))
    _write(notebook, path)
    _format(path)
    return _run([path])


def _run(paths: Sequence[Path]) -> int:
    for path in _lessons(paths):
        notebook = _read(path)
        run(notebook, path.parent)
        _write(notebook, path)
        print(f"ran {path.name}: {len(notebook['cells'])} cells")
    return 0


def _format(path: Path) -> None:
    for command in (["check", "--select", "I", "--fix"], ["format"]):
        subprocess.run(  # noqa: S603  # our own formatter
            [sys.executable, "-m", "ruff", *command, "-q", str(path)], cwd=ROOT, check=True
        )


def _check(paths: Sequence[Path], again: bool) -> int:
    found = 0
    for path in _lessons(paths):
        notebook = _read(path)
        lines = problems(notebook, path.name)
        if again:
            lines += rerun_differences(notebook, path.parent)
        for line in lines:
            print(f"{path.name}: {line}")
        found += len(lines)
    print(f"{found} departures from the plan" if found else "the plan is kept")
    return 1 if found else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 1 when something departs from the plan."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="begin a notebook from a Markdown draft, and run it")
    make.add_argument("draft", type=Path)
    make.add_argument("notebook", type=Path)
    for name, help_ in (
        ("run", "run in a fresh kernel and store the outputs in their one form"),
        ("tidy", "only normalise ids and metadata"),
        ("text", "print as a draft"),
        ("check", "say where a lesson departs from the plan"),
    ):
        command = commands.add_parser(name, help=help_)
        command.add_argument("notebooks", type=Path, nargs="*")
        if name == "check":
            command.add_argument("--again", action="store_true", help="also run each cell twice")
    args = parser.parse_args(argv)
    if args.command == "make":
        return _make(args.draft, args.notebook)
    if args.command == "run":
        return _run(args.notebooks)
    if args.command == "check":
        return _check(args.notebooks, args.again)
    for path in _lessons(args.notebooks):
        if args.command == "tidy":
            _write(_read(path), path)
        else:
            print(text_of(_read(path)), end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
