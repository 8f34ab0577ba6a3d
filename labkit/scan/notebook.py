"""Scan a notebook the way it leaks: by cell, and in every part of a cell.

An output stripper leaves the key in the source; a scan of the source misses the output; and a scan of the
``.ipynb`` file as text reports "line 4213", in escaped JSON, inside somebody's plot. Here each part of each
cell is read as what it is, and images are left out.

    for finding in scan_notebook("work/01.ipynb"):
        print(finding)                    # work/01.ipynb: cell 3, output 1 (text/html), line 1: groq […]
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labkit.scan.finding import Finding, Fingerprint, findings_in

#: Rendered bytes. SVG is text and is read.
_OPAQUE = ("image/", "audio/", "video/", "application/pdf", "font/")


def scan_notebook(path: str | Path, fingerprint: Fingerprint | None = None) -> list[Finding]:
    """The secrets of one notebook file. ``ValueError`` when it is no notebook."""
    text = Path(path).read_text(encoding="utf-8-sig")
    return list(notebook_findings(parse_notebook(text), str(path), fingerprint or Fingerprint.random()))


def parse_notebook(text: str) -> dict[str, Any]:
    """The notebook in a JSON text, or ``ValueError``. Format 3 keeps its cells in worksheets."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("The notebook is nested too deeply to be read.") from None
    if not isinstance(found, dict) or not (isinstance(found.get("cells"), list) or "worksheets" in found):
        raise ValueError("This JSON has no list of cells: it is no notebook.")
    return found


def notebook_findings(notebook: dict[str, Any], path: str, fingerprint: Fingerprint) -> Iterator[Finding]:
    """Every secret of a notebook, in reading order."""
    for place, text in notebook_parts(notebook):
        yield from findings_in(text, path, fingerprint, place=place)


def notebook_parts(notebook: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each part of a notebook that is text: its place in words, and the text."""
    yield "notebook metadata", _plain(notebook.get("metadata"))
    for number, cell in enumerate(_cells(notebook), 1):
        yield from ((f"cell {number}, {part}", text) for part, text in _cell_parts(cell))


def _cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    lists = [
        notebook.get("cells"),
        *(_dict(sheet).get("cells") for sheet in _list(notebook.get("worksheets"))),
    ]
    return [_dict(cell) for cells in lists for cell in _list(cells)]


def _cell_parts(cell: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield str(cell.get("cell_type", "cell")) + " source", _plain(cell.get("source", cell.get("input")))
    yield "metadata", _plain(cell.get("metadata"))
    for name, bundle in _dict(cell.get("attachments")).items():
        yield f"attachment {name!r:.60}", name
        for mime, text in _bundle(bundle):
            yield f"attachment ({mime})", text
    for number, output in enumerate(_list(cell.get("outputs")), 1):
        for part, text in _output_parts(_dict(output)):
            yield f"output {number} ({part})", text


def _output_parts(output: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield str(output.get("name", "text")), _plain(output.get("text"))
    yield from _bundle(output.get("data"))
    yield "metadata", _plain(output.get("metadata"))
    yield "error", f"{_plain(output.get('ename'))}: {_plain(output.get('evalue'))}"
    yield "traceback", _plain(output.get("traceback"), joint="\n")


def _bundle(bundle: object) -> Iterator[tuple[str, str]]:
    for mime, data in _dict(bundle).items():
        if not mime.startswith(_OPAQUE) or mime == "image/svg+xml":
            yield mime, _plain(data)


def _plain(value: object, joint: str = "") -> str:
    """Text as it was written: lists of lines are joined, anything else is JSON without escapes."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return joint.join(value)
    return json.dumps(value, ensure_ascii=False, indent=0)


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
