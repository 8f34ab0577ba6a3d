"""Read a stranger's notebook: its code cells, and nothing of what it says about itself.

Submissions arrive truncated, renamed, from old versions of Jupyter, with edited metadata, or huge.
Only the source of code cells counts; answers are found by the names they define, so moved, copied, added and
re-labelled cells cost nothing, and no metadata can earn a point.

    cells = read_notebook(path.read_bytes())       # ["import json", "def advice(…): …"]
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from labkit.failures import LabkitError

MOST_BYTES = 20 * 1024 * 1024
MOST_CELLS = 2000
MOST_CODE = 1024 * 1024


class Unreadable(LabkitError):
    """A file that is no notebook. The message says what was seen and what to do."""


def read_notebook(raw: bytes) -> list[str]:
    """The sources of the code cells, in order. Reads nbformat 3 and 4; raises `Unreadable`."""
    if len(raw) > MOST_BYTES:
        raise Unreadable(
            f"{len(raw):,} bytes; a notebook may have {MOST_BYTES:,}: clear its outputs and save it again"
        )
    try:
        # Real notebooks hold bare control characters from terminals: strict=False. UTF-16 is Windows'.
        value = json.loads(_text(raw), strict=False)
    except (ValueError, RecursionError):
        raise Unreadable("not JSON: open it in Jupyter, save it, and hand it in again") from None
    cells = _cells(value)
    if len(cells) > MOST_CELLS:
        raise Unreadable(f"{len(cells):,} cells; a notebook may have {MOST_CELLS:,}")
    sources = [_source(cell) for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    if sum(map(len, sources)) > MOST_CODE:
        raise Unreadable(f"more than {MOST_CODE:,} characters of code")
    return sources


def _text(raw: bytes) -> str:
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if raw.startswith(mark):
            return raw.decode(encoding)
    return raw.decode("utf-8")


def _cells(value: Any) -> list[Any]:
    """The cells of nbformat 4, or of all worksheets of nbformat 3."""
    if not isinstance(value, dict):
        raise Unreadable("its JSON is not an object; a notebook starts with {")
    cells = value.get("cells")
    if cells is None and isinstance(value.get("worksheets"), list):
        sheets = [sheet for sheet in value["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in _listed(sheet.get("cells"))]
    if not isinstance(cells, list):
        raise Unreadable("it has no cells: is it a notebook?")
    return cells


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source.replace("\r\n", "\n") if isinstance(source, str) else ""


def digest(cells: list[str]) -> str:
    """Names the work, not the file: outputs, metadata and Markdown do not change it. 16 hex digits."""
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()[:16]
