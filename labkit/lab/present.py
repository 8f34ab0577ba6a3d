"""Tables, figures and code, as a notebook shows them: one plain form, one HTML form, no colour alone.

A bare `print` of a record is read by nobody, and a picture without words is read by some only.
These small objects are values: the last line of a cell, or what a widget reveals later.

    Table([{"attempt": 1, "status": "429"}])          # real column headers, wraps, never scrolls sideways
    Picture(fig, see="one wait, then an answer", alt="Two bars, 40 ms each, 0.5 s apart")
    Source(labkit.backoff.full)                       # the library's own lines, as they are now
"""

from __future__ import annotations

import base64
import inspect
import io
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Bundle = tuple[dict[str, Any], dict[str, Any]]
PIXELS_PER_INCH = 150  # sharp at 1280 pixels and on most screens with twice the density


class Shown(Protocol):
    """What can stand in a cell's output or behind a prediction: it has HTML and plain words."""

    def to_html(self) -> str:
        """As it is seen."""
        ...

    def to_text(self) -> str:
        """As it is read aloud or printed."""
        ...


class _Both:
    """Gives IPython the two forms of a `Shown`."""

    def to_html(self) -> str:
        raise NotImplementedError

    def to_text(self) -> str:
        raise NotImplementedError

    def _repr_mimebundle_(self, **_: Any) -> Bundle:
        return {"text/plain": self.to_text(), "text/html": self.to_html()}, {}


# ── tables ──────────────────────────────────────────────────────────────────────────────────────

_CELL = "text-align:left;vertical-align:top;padding:4px 12px 4px 0;white-space:normal;line-height:1.4"
_HEAD = _CELL + ";font-weight:600;border-bottom:2px solid currentColor"
_LONGEST_WORD = 24  # characters; longer ones (paths, digests) may break anywhere, or a table scrolls sideways


def _cell_style(text: str) -> str:
    long = any(len(word) > _LONGEST_WORD for word in text.split())
    return _CELL + (";overflow-wrap:anywhere" if long else "")


@dataclass(frozen=True)
class Table(_Both):
    """Rows (mappings, one key for each column) with real headers; the first column names the row.

    `caption` stands above. None is shown as an en dash, True and False as yes and no.
    """

    rows: Sequence[Mapping[str, Any]]
    caption: str = ""

    @property
    def columns(self) -> list[str]:
        """Every key of any row, in the order of first appearance."""
        return list(dict.fromkeys(key for row in self.rows for key in row))

    def to_html(self) -> str:
        """A table whose headers a screen reader can announce."""
        caption = (
            f'<caption style="text-align:left;font-weight:600;padding:6px 0">{escape(self.caption)}</caption>'
        )
        head = "".join(f'<th scope="col" style="{_HEAD}">{escape(name)}</th>' for name in self.columns)
        body = "".join(f"<tr>{self._row(row)}</tr>" for row in self.rows)
        return (
            '<table style="border-collapse:collapse;margin:0 0 8px 0">'
            f"{caption if self.caption else ''}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def _row(self, row: Mapping[str, Any]) -> str:
        first, *others = [cell_text(row.get(column)) for column in self.columns]
        name = f'<th scope="row" style="{_cell_style(first)};font-weight:400">{escape(first)}</th>'
        return name + "".join(f'<td style="{_cell_style(text)}">{escape(text)}</td>' for text in others)

    def to_text(self) -> str:
        """The same in aligned columns."""
        lines = [self.columns, *([cell_text(row.get(c)) for c in self.columns] for row in self.rows)]
        widths = [max(len(line[at]) for line in lines) for at in range(len(self.columns))]
        body = "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )
        return f"{self.caption}\n{body}" if self.caption else body


def cell_text(value: Any) -> str:
    """One value as words: None is "–", True is "yes", numbers have no needless digits."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, tuple | list):
        return ", ".join(cell_text(item) for item in value) or "–"
    return str(value)


def facts(values: Mapping[str, Any], caption: str = "") -> Table:
    """A table with one row for each field: for a record, a settings report, one decision."""
    return Table([{"field": name, "value": value} for name, value in values.items()], caption)


# ── pictures ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Picture(_Both):
    """A figure with its alternative text and the one sentence that stands under it.

    `see` completes "What to see: …". `alt` says what the figure shows to someone who cannot see it; the
    numbers themselves belong in a `Table` beside it.
    """

    figure: Figure
    see: str
    alt: str

    def to_html(self) -> str:
        """The image, its alternative text and the sentence, as one figure."""
        return (
            '<figure style="margin:0 0 12px 0">'
            f'<img alt="{escape(self.alt, quote=True)}" src="data:image/png;base64,{png(self.figure)}" '
            f'style="width:{self.width}px;max-width:100%;height:auto;background:#fff">'
            f"<figcaption><b>What to see:</b> {escape(self.see)}</figcaption></figure>"
        )

    @property
    def width(self) -> int:
        """CSS pixels: a hundred for each inch of the figure."""
        return round(self.figure.get_figwidth() * 100)

    def to_text(self) -> str:
        """The alternative text and the sentence."""
        return f"[{self.alt}]\nWhat to see: {self.see}"


def png(figure: Figure) -> str:
    """The figure as base64 text: 64 colours are plenty for a plot, and a third of the bytes."""
    from PIL import Image  # noqa: PLC0415  # comes with matplotlib, and only figures need it

    drawn, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="rgba", dpi=PIXELS_PER_INCH)
    width, height = (int(inches * PIXELS_PER_INCH) for inches in figure.get_size_inches())
    image = Image.frombytes("RGBA", (width, height), drawn.getvalue()).convert("RGB")
    # The octree takes a fifth of the default's time, so that a slider can redraw while it is moved.
    image.quantize(64, method=Image.Quantize.FASTOCTREE).save(packed, format="png")
    return base64.b64encode(packed.getvalue()).decode("ascii")


def show(figure: Figure, *, see: str, alt: str) -> None:
    """Display a figure now, with its sentence. Return a `Picture` instead where it is the last line."""
    from IPython.display import display  # noqa: PLC0415  # heavy, and only a kernel has it

    display(Picture(figure, see, alt))  # type: ignore[no-untyped-call]


# ── code and text ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Source:
    """The library's own lines for a function or a class, read when the cell runs.

    `first` and `last` cut a long one: text that the first and the last shown line contain.
    """

    target: Callable[..., Any] | type
    first: str = ""
    last: str = ""

    @property
    def place(self) -> str:
        """The module's path from the package on, such as `labkit/backoff.py`."""
        return str(Path(*self.target.__module__.split("."))).replace("\\", "/") + ".py"

    @property
    def code(self) -> str:
        """The lines, without common indentation."""
        lines = textwrap.dedent(inspect.getsource(self.target)).rstrip().split("\n")
        start = self._find(lines, self.first, 0) if self.first else 0
        end = self._find(lines, self.last, start) + 1 if self.last else len(lines)
        return textwrap.dedent("\n".join(lines[start:end]))

    def _find(self, lines: Sequence[str], words: str, start: int) -> int:
        for at in range(start, len(lines)):
            if words in lines[at]:
                return at
        raise ValueError(f"no line of {self.target.__qualname__} contains {words!r}; read {self.place} again")

    def _repr_mimebundle_(self, **_: Any) -> Bundle:
        name = f"{self.target.__qualname__}, from {self.place}"
        return {"text/plain": name, "text/markdown": f"`{self.place}`\n```python\n{self.code}\n```"}, {}


@dataclass(frozen=True)
class SideBySide(_Both):
    """Two or more things beside each other, each under its title; under each other where it is narrow."""

    parts: Mapping[str, Shown]

    def to_html(self) -> str:
        """Flexible columns that wrap."""
        columns = "".join(
            f'<div style="flex:1 1 320px;min-width:0"><div style="font-weight:600;margin-bottom:4px">'
            f"{escape(title)}</div>{part.to_html()}</div>"
            for title, part in self.parts.items()
        )
        return f'<div style="display:flex;flex-wrap:wrap;gap:8px 32px">{columns}</div>'

    def to_text(self) -> str:
        """The parts one after the other."""
        return "\n\n".join(f"{title}\n{part.to_text()}" for title, part in self.parts.items())


_FIXED = "white-space:pre-wrap;overflow-wrap:anywhere;margin:0 0 8px 0"


@dataclass(frozen=True)
class Words(_Both):
    """One paragraph or, with `fixed`, text in a fixed-width face that wraps."""

    text: str
    fixed: bool = field(default=False)

    def to_html(self) -> str:
        """The text, escaped."""
        if self.fixed:
            return f'<pre style="{_FIXED}">{escape(self.text)}</pre>'
        return f'<p style="margin:0 0 8px 0">{escape(self.text)}</p>'

    def to_text(self) -> str:
        """The text."""
        return self.text


def as_shown(value: Any) -> Shown:
    """Let a DataFrame, plain text, or anything with a repr stand where a `Shown` is wanted."""
    if hasattr(value, "to_html"):
        return value if hasattr(value, "to_text") else _Frame(value)
    return Words(value if isinstance(value, str) else repr(value))


@dataclass(frozen=True)
class _Frame(_Both):
    """A pandas DataFrame."""

    frame: Any

    def to_html(self) -> str:
        return str(self.frame.to_html(border=0))

    def to_text(self) -> str:
        return str(self.frame.to_string())


@dataclass(frozen=True)
class Stack(_Both):
    """Several things, one under the other."""

    parts: Sequence[Any]

    def to_html(self) -> str:
        """One after the other."""
        return joined(self.parts)[0]

    def to_text(self) -> str:
        """One after the other."""
        return joined(self.parts)[1]


def joined(values: Iterable[Any]) -> tuple[str, str]:
    """The HTML and the plain text of several things, one under the other."""
    shown = [as_shown(value) for value in values]
    return "".join(item.to_html() for item in shown), "\n".join(item.to_text() for item in shown)
