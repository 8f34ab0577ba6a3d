"""Mark the lines that you would not let through, before the code runs.

Whoever has seen a handler fail knows which line it was. To learn to read, you commit to lines first::

    picker = Picker(SHORT, name="14-short")
    picker                       # one cell: the code, a box for each line
    picker.result                # the next: found, missed and false alarms, once the marks are committed
    picker.reveal(table)         # anything else that should wait for the marks

Every line is a check box: Tab goes to the next, Space marks. Where there are no widgets, the code stands
with its line numbers and the result shows all problems.
"""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as w  # type: ignore[import-untyped]

from labkit.lab.handlers import Handler, Score, score
from labkit.lab.present import Words, joined
from labkit.lab.widgets.base import Card, Listener, Step, button, question_html, row, tell, text

_STYLE = """<style>
.labkit-code .widget-checkbox { height: auto; min-height: 24px; margin: 0; }
.labkit-code .widget-checkbox label { font-family: var(--jp-code-font-family, monospace); font-size: 13px;
  white-space: pre-wrap; line-height: 1.5; height: auto; }
</style>"""
_BLANK = "\u00a0"  # a label's leading spaces would be dropped


class Picker(Card):
    """A handler whose lines are marked and committed before it runs."""

    def __init__(self, handler: Handler, *, name: str, on_commit: Listener | None = None) -> None:
        super().__init__(handler.title)
        self.handler, self.name, self.on_commit = handler, name, on_commit
        self.marked: tuple[int, ...] = ()
        self.committed = False
        self._waiting: list[Waiting] = []
        self._boxes = {number: self._box(number, line) for number, line in handler.numbered if line.strip()}
        self._said = text(_status("No line marked yet."))
        self._button = button("Commit my marks", self._pressed, main=True)
        code = w.VBox([w.HTML(_STYLE, layout=w.Layout(height="0", margin="0")), *self._boxes.values()])
        code.add_class("labkit-code")
        self.fill(
            text(question_html(f"{handler.title}: mark every line that you would not let through.")),
            text("Tab goes to the next line, Space marks it. A mark too many costs you a false alarm."),
            code,
            row(self._button),
            self._said,
        )

    def _box(self, number: int, line: str) -> Any:
        indent = len(line) - len(line.lstrip())
        shown = f"{number:>3}  ".replace(" ", _BLANK) + _BLANK * indent + line.lstrip()
        box = w.Checkbox(description=shown, indent=False, layout=w.Layout(width="100%"))
        box.observe(lambda _: self._count(), names="value")
        return box

    def _count(self) -> None:
        if not self.committed:
            lines = ", ".join(map(str, self._ticked()))
            self._said.value = _status(f"Marked: {lines or 'none'}.")

    def _ticked(self) -> list[int]:
        return [number for number, box in self._boxes.items() if box.value]

    def _pressed(self) -> None:
        marked = self._ticked()
        if marked:
            self.commit(*marked)
        else:
            self._said.value = _status("Mark at least one line first. A guess is fine.")

    def commit(self, *lines: int) -> None:
        """Fix the marks. From code: `picker.commit(6, 9)`. The first commit counts."""
        result = score(self.handler, lines)
        if self.committed:
            return
        self.marked, self.committed = tuple(sorted(lines)), True
        for number, box in self._boxes.items():
            box.value, box.disabled = number in lines, True
        self._button.disabled, self._button.description = True, "Committed"
        listed = ", ".join(map(str, self.marked)) or "none"
        self._said.value = _status(f"Committed: {listed}. Now go on to the next cell.")
        right = not result.missed and not result.alarms
        tell(Step("marked", self.name, tuple(map(str, self.marked)), right=right), self.on_commit)
        for waiting in self._waiting:
            waiting.open()

    @property
    def score(self) -> Score:
        """The marks beside the planted problems."""
        return score(self.handler, self.marked)

    @property
    def result(self) -> Waiting:
        """Found, missed, false alarms and the reasons: hidden until the marks are committed."""
        return self.reveal()

    def reveal(self, *shown: Any) -> Waiting:
        """Something that waits for the marks; with nothing given, the score."""
        waiting = Waiting(self, shown)
        self._waiting.append(waiting)
        if self.committed:
            waiting.open()
        return waiting

    def plain(self) -> tuple[str, str]:
        """The code with its line numbers."""
        lines = "\n".join(f"{number:>3}  {line}".rstrip() for number, line in self.handler.numbered)
        code = Words(lines, fixed=True)
        title = f"{self.handler.title}: which lines would you not let through?"
        return question_html(title) + code.to_html(), f"{title}\n{lines}"


class Waiting(Card):
    """What is shown once the marks are committed, or asked for. Without widgets it stands there at once."""

    def __init__(self, picker: Picker, shown: tuple[Any, ...]) -> None:
        super().__init__(picker.label)
        self._picker, self._shown, self.opened = picker, shown, False
        self.fill(
            text("This waits for your marks: commit them above first. What you find yourself stays."),
            button("Show it without marks", self.open),
        )

    def open(self) -> None:
        """Show it."""
        if not self.opened:
            self.opened = True
            self.fill(text(_status(self._joined()[0], html=True)))

    def _joined(self) -> tuple[str, str]:
        return joined(self._shown or [self._review()])

    def _review(self) -> Any:
        review = self._picker.score
        return review.table() if self._picker.committed else review.problems(judged=False)

    def plain(self) -> tuple[str, str]:
        """All of it."""
        return self._joined()


def _status(words: str, *, html: bool = False) -> str:
    return f'<div role="status" aria-live="polite">{words if html else escape(words)}</div>'
