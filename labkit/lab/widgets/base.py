"""The pieces every lesson shares: a prediction, a recall question, a sorter, and a base for widgets.

A learner who sees the result first never learns that they would have guessed wrong. So a prediction is
committed before the result is shown. But a notebook must also run from top to bottom where nobody
can click: under nbval, in an export, in a plain viewer. So each piece has a plain form as well.

    guess = Predict("How many requests will the provider count?", ["1", "2", "3"], name="00-requests")
    guess                                          # one cell: the question
    guess.reveal("2", table, picture)              # a later cell: hidden until committed, or asked for

Every piece is a plain value: its state can be set from code (`guess.commit("2", 70)`), which is how the
tests drive it. `subscribe` lets the journal listen to what the learner commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets as w  # type: ignore[import-untyped]

from labkit.lab.present import Bundle, Shown, Stack, Table, as_shown, cell_text, joined

CONFIDENCE = (
    ("a guess (30%)", 30),
    ("could go either way (50%)", 50),
    ("fairly sure (70%)", 70),
    ("sure (90%)", 90),
    ("I would bet on it (99%)", 99),
)
RIGHT, WRONG, PARTLY = "✓ as predicted", "✗ not as predicted", "◐ partly as predicted"


# ── what the journal hears ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Step:
    """One thing that a learner did: `what` is predicted, revealed, recalled, sorted or answered.

    `right` is None while the outcome is not known, `confidence` is in percent.
    """

    what: str
    name: str
    chosen: tuple[str, ...] = ()
    confidence: int | None = None
    answer: tuple[str, ...] = ()
    right: bool | None = None


Listener = Callable[[Step], None]
_listeners: list[Listener] = []


def subscribe(listener: Listener) -> Callable[[], None]:
    """Hear every step from now on; the returned function ends it."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def tell(step: Step, also: Listener | None = None) -> None:
    """Pass a step to those who subscribed, and to the piece's own `on_commit`."""
    for listener in [*_listeners, *([also] if also else [])]:
        listener(step)


# ── the base ────────────────────────────────────────────────────────────────────────────────────


_CLASS = "labkit-card"
# JupyterLab takes arrow keys and Enter for itself while a cell is selected, also from a radio button in
# its output. The attribute, on the element that has the focus, tells it to leave them alone; ipywidgets
# cannot set attributes, but a style element may say what happens once it is loaded.
_KEYS = f"""<style onload="const card = this.closest('.{_CLASS}'); card.dataset.keys = 'own';
  card.addEventListener('focusin', event => event.target.setAttribute('data-lm-suppress-shortcuts', 'true'))">
.{_CLASS} {{ border-left: 4px solid #0072B2; padding: 4px 0 8px 14px; margin: 4px 0; }}
.{_CLASS} .{_CLASS} {{ width: 100%; }}
.{_CLASS} :is(button, select, input):focus-visible {{ outline: 3px solid #0072B2; outline-offset: 2px; }}
</style>"""


class Card:
    """A framed widget with a plain form: what a reader without a live kernel sees.

    Subclasses `fill` it, and say `plain()`: its HTML and its text.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self._body = w.VBox(layout=w.Layout(align_items="flex-start", width="100%"))
        # Outside `layout`'s width a border would widen the box and make the cell scroll sideways.
        self.box = w.VBox([w.HTML(_KEYS, layout=w.Layout(height="0", margin="0")), self._body])
        self.box.add_class(_CLASS)

    def fill(self, *children: Any) -> None:
        """Put these into the card, one under the other."""
        self._body.children = children

    def plain(self) -> tuple[str, str]:
        """HTML and text for viewers without widgets."""
        raise NotImplementedError

    def to_html(self) -> str:
        """The plain HTML, so that a card can stand inside another."""
        return self.plain()[0]

    def to_text(self) -> str:
        """The plain text."""
        return self.plain()[1]

    def _repr_mimebundle_(self, **options: Any) -> Bundle:
        html, text = self.plain()
        view = self.box._repr_mimebundle_(**options) or {}  # IPython's protocol
        return {**view, "text/html": framed(html), "text/plain": text}, {}


def framed(html: str) -> str:
    """The frame of a card, for the plain form."""
    return f'<div style="border-left:4px solid #0072B2;padding:4px 0 8px 14px;margin:4px 0">{html}</div>'


def text(html: str, *, live: bool = False) -> Any:
    """An HTML widget that wraps; `live` text is announced by a screen reader when it changes."""
    return w.HTML(_live(html) if live else html, layout=w.Layout(width="100%", margin="2px 0"))


def _live(html: str) -> str:
    return f'<div role="status" aria-live="polite">{html}</div>'


def question_html(question: str) -> str:
    """A question in the weight of a heading."""
    return f'<div style="font-weight:600;line-height:1.5">{escape(question)}</div>'


def button(label: str, press: Callable[[], object], *, main: bool = False) -> Any:
    """A button that is as wide as its words; its label is its accessible name."""
    made = w.Button(description=label, button_style="", layout=w.Layout(width="auto", padding="0 14px"))
    if main:
        # ipywidgets' own "primary" misses the contrast of 4.5 to 1; this blue on white has 5.2.
        made.style.button_color, made.style.text_color, made.style.font_weight = "#0072B2", "#ffffff", "600"
    made.on_click(lambda _: press())
    return made


def row(*items: Any) -> Any:
    """Widgets beside each other, wrapping where it is narrow."""
    return w.HBox(list(items), layout=w.Layout(flex_flow="row wrap", align_items="center"))


def dropdown(label: str, options: Iterable[Any], value: Any = None) -> Any:
    """A labelled list to choose from, by mouse or by keyboard."""
    return w.Dropdown(
        description=label,
        options=list(options),
        value=value,
        style={"description_width": "initial"},
        layout=w.Layout(width="auto", min_width="260px", max_width="100%"),
    )


# ── the prediction ──────────────────────────────────────────────────────────────────────────────


class Predict(Card):
    """A question answered before the run, with a confidence.

    `many=True` takes any number of the choices. `name` begins with the lesson: "00-requests".
    """

    def __init__(
        self,
        question: str,
        choices: Sequence[str],
        *,
        name: str,
        many: bool = False,
        on_commit: Listener | None = None,
    ) -> None:
        super().__init__(question)
        self.question, self.choices, self.name, self.many = question, tuple(choices), name, many
        self.on_commit = on_commit
        self.chosen: tuple[str, ...] = ()
        self.confidence: int | None = None
        self._gates: list[Reveal] = []
        self._inputs = self._make_inputs()
        self._sure = dropdown("How sure are you?", CONFIDENCE, 50)
        self._button = button("Commit prediction", self._pressed, main=True)
        self._said = text("", live=True)
        self.fill(
            text(question_html(f"Predict: {question}")),
            *self._inputs,
            self._sure,
            self._button,
            self._said,
        )

    def _make_inputs(self) -> list[Any]:
        if self.many:
            return [
                w.Checkbox(description=choice, indent=False, layout=w.Layout(width="auto"))
                for choice in self.choices
            ]
        return [w.RadioButtons(options=self.choices, value=None, layout=w.Layout(width="auto"))]

    @property
    def committed(self) -> bool:
        """Whether a prediction stands."""
        return self.confidence is not None

    def _pressed(self) -> None:
        chosen = self._marked()
        if not chosen and not self.many:
            self._said.value = _live("Choose one of the answers first. A guess is fine.")
            return
        self.commit(*chosen, confidence=self._sure.value)

    def _marked(self) -> tuple[str, ...]:
        if self.many:
            return tuple(box.description for box in self._inputs if box.value)
        value = self._inputs[0].value
        return () if value is None else (value,)

    def commit(self, *chosen: str, confidence: int = 50) -> None:
        """Fix the prediction. From code: `guess.commit("2", confidence=70)`."""
        unknown = [choice for choice in chosen if choice not in self.choices]
        if unknown:
            raise ValueError(f"{unknown} is not among the choices {list(self.choices)}")
        if self.committed:
            return  # the first word counts; run the cell again for a new try
        self.chosen, self.confidence = chosen, confidence
        for item in (*self._inputs, self._sure, self._button):
            item.disabled = True
        self._button.description = "Committed"
        self._said.value = _live(
            f"You said <b>{escape(_listed(chosen))}</b>, {confidence}% sure. Now run the next cell."
        )
        tell(Step("predicted", self.name, chosen, confidence), self.on_commit)
        for gate in self._gates:
            gate.open()

    def reveal(self, answer: str | Iterable[str], *shown: Any, because: str = "") -> Reveal:
        """What really happened, and what shows it: hidden until the prediction is committed.

        `answer` is a choice, or several for a question with many. Where there are no widgets, it
        is all shown at once.
        """
        right = (answer,) if isinstance(answer, str) else tuple(answer)
        unknown = [choice for choice in right if choice not in self.choices]
        if unknown:
            raise ValueError(f"the outcome {unknown} is not among the choices {list(self.choices)}: add it")
        gate = Reveal(self, right, shown, because)
        self._gates.append(gate)
        if self.committed:
            gate.open()
        return gate

    def verdict(self, right: Sequence[str]) -> str:
        """The comparison in words: as predicted, not, or partly."""
        if set(right) == set(self.chosen):
            return RIGHT
        return PARTLY if self.many and set(right) & set(self.chosen) else WRONG

    def plain(self) -> tuple[str, str]:
        """The question and its choices as a list."""
        items = "".join(f"<li>{escape(choice)}</li>" for choice in self.choices)
        kind = "Any number of these" if self.many else "One of these"
        words = f"Predict: {self.question}\n" + "\n".join(f"  ( ) {choice}" for choice in self.choices)
        return f"{question_html(f'Predict: {self.question}')}<div>{kind}:</div><ul>{items}</ul>", words


class Reveal(Card):
    """A result behind a prediction. Opens when the prediction is committed, or when asked to."""

    def __init__(self, guess: Predict, answer: tuple[str, ...], shown: Sequence[Any], because: str) -> None:
        super().__init__(guess.question)
        self._guess, self.answer, self._shown, self._because = guess, answer, shown, because
        self.opened = False
        self.fill(
            text(
                "The result is here. Commit your prediction above first: that is what makes it stay with you."
            ),
            button("Show it without a prediction", self.open),
        )

    def open(self) -> None:
        """Show the result."""
        if self.opened:
            return
        self.opened = True
        self.fill(text(self._compared() + joined(self._shown)[0], live=True))
        if self._guess.committed:
            guess = self._guess
            right = set(self.answer) == set(guess.chosen)
            tell(
                Step("revealed", guess.name, guess.chosen, guess.confidence, self.answer, right),
                guess.on_commit,
            )

    def _compared(self) -> str:
        guess = self._guess
        lines = []
        if guess.committed:
            lines.append(
                f"You predicted <b>{escape(_listed(guess.chosen))}</b>, {guess.confidence}% sure: "
                f"<b>{guess.verdict(self.answer)}</b>."
            )
        return "".join(f"<div>{line}</div>" for line in [*lines, self._outcome()])

    def _outcome(self) -> str:
        because = f" {escape(self._because)}" if self._because else ""
        if len(self.answer) > 1:
            items = "".join(f"<li><b>{escape(item)}</b></li>" for item in self.answer)
            return f"It was these:<ul>{items}</ul>{because}"
        return f"It was <b>{escape(_listed(self.answer))}</b>.{because}"

    def plain(self) -> tuple[str, str]:
        """The whole result: nothing is hidden where nobody can click."""
        html, words = joined(self._shown)
        outcome = f"It was {_listed(self.answer)}. {self._because}".rstrip()
        return f"<div>{self._outcome()}</div>{html}", f"{outcome}\n{words}".rstrip()


def _listed(items: Sequence[str]) -> str:
    return "; ".join(items) if items else "none of them"


# ── recall ──────────────────────────────────────────────────────────────────────────────────────


class Recall(Card):
    """A question from an earlier lesson: try to answer, look, then say honestly how it went."""

    MARKS = ("I knew it", "partly", "not yet")

    def __init__(
        self, question: str, answer: str, *, name: str, source: str = "", on_commit: Listener | None = None
    ) -> None:
        super().__init__(question)
        self.question, self.answer, self.name, self.source = question, answer, name, source
        self.on_commit = on_commit
        self.mark = ""
        self._look = button("Show the answer", self.open)
        self._rest = w.VBox([])
        self.fill(text(question_html(question)), self._look, self._rest)

    def open(self) -> None:
        """Show the answer, and ask how it went."""
        self._look.disabled = True
        marks = [button(label, lambda label=label: self.commit(label)) for label in self.MARKS]  # type: ignore[misc]
        self._rest.children = [
            text(f"<div>{escape(self.answer)}</div>{self._from()}", live=True),
            row(text("How did it go?"), *marks),
        ]

    def commit(self, mark: str) -> None:
        """Note how it went; one of `MARKS`."""
        if mark not in self.MARKS:
            raise ValueError(f"{mark!r} is not one of {self.MARKS}")
        self.mark = mark
        self._rest.children = (
            [self._rest.children[0], text(f"Noted: {mark}.", live=True)] if self._rest.children else []
        )
        tell(Step("recalled", self.name, (mark,), right=mark == self.MARKS[0]), self.on_commit)

    def _from(self) -> str:
        return f"<div><i>From {escape(self.source)}.</i></div>" if self.source else ""

    def plain(self) -> tuple[str, str]:
        """A question that opens without any script."""
        html = (
            f'<details><summary style="font-weight:600;cursor:pointer">{escape(self.question)}</summary>'
            f"<div>{escape(self.answer)}</div>{self._from()}</details>"
        )
        return html, f"Recall: {self.question}\n  Answer: {self.answer}"


class Together(Card):
    """Several cards in one cell."""

    def __init__(self, cards: Sequence[Card]) -> None:
        super().__init__("")
        self.cards = tuple(cards)
        self.box = w.VBox([card.box for card in cards])

    def plain(self) -> tuple[str, str]:
        """One after the other."""
        return "".join(framed(card.to_html()) for card in self.cards), "\n\n".join(
            card.to_text() for card in self.cards
        )


# ── sorting ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Item:
    """One thing to sort: where it belongs, and why."""

    label: str
    bin: str
    because: str


class Sorter(Card):
    """Things to put into bins, each with a reason that is shown afterwards.

    `sorter.answers` is the table for the next cell; without widgets it stands there anyway.
    """

    def __init__(
        self,
        question: str,
        bins: Sequence[str],
        items: Sequence[Item],
        *,
        name: str,
        on_commit: Listener | None = None,
    ) -> None:
        super().__init__(question)
        strays = [item.label for item in items if item.bin not in bins]
        if strays:
            raise ValueError(f"{strays} belong to bins that are not among {list(bins)}")
        self.question, self.bins, self.items, self.name = question, tuple(bins), tuple(items), name
        self.on_commit = on_commit
        self.chosen: dict[str, str] = {}
        choices = [("choose …", ""), *((label, label) for label in bins)]
        self._lists = [dropdown(item.label, choices, "") for item in items]
        _align(self._lists)
        self._said = text("", live=True)
        self._button = button("Check my sorting", self._pressed, main=True)
        self.fill(
            text(question_html(f"Predict: {question}")),
            *self._lists,
            self._button,
            self._said,
        )

    def _pressed(self) -> None:
        chosen = {item.label: made.value for item, made in zip(self.items, self._lists, strict=True)}
        missing = [label for label, value in chosen.items() if not value]
        if missing:
            self._said.value = _live(f"Still to sort: {escape('; '.join(missing))}")
            return
        self.commit(chosen)

    def commit(self, chosen: Mapping[str, str]) -> None:
        """Fix the sorting and show it beside the answers."""
        self.chosen = dict(chosen)
        right = [self.chosen.get(item.label) == item.bin for item in self.items]
        for made in (*self._lists, self._button):
            made.disabled = True
        self._said.value = _live(f"<p>{sum(right)} of {len(right)} as it is.</p>{self.answers.to_html()}")
        tell(
            Step("sorted", self.name, tuple(f"{k}: {v}" for k, v in self.chosen.items()), right=all(right)),
            self.on_commit,
        )

    @property
    def answers(self) -> Table:
        """Where each thing belongs and why, beside your own sorting once it is committed."""
        return Table([self._line(item) for item in self.items])

    def _line(self, item: Item) -> dict[str, str]:
        yours = self.chosen.get(item.label)
        mine = {} if yours is None else {"you said": f"{'✓' if yours == item.bin else '✗'} {yours}"}
        return {"what": item.label, **mine, "where": item.bin, "why": item.because}

    def plain(self) -> tuple[str, str]:
        """The things and the bins, without the answers."""
        things = "".join(f"<li>{escape(item.label)}</li>" for item in self.items)
        bins = ", ".join(self.bins)
        title = question_html(f"Predict: {self.question}")
        html = f"{title}<div>Sort into: {escape(bins)}</div><ul>{things}</ul>"
        return html, f"Predict: {self.question}\n  into: {bins}\n" + "\n".join(
            f"  - {i.label}" for i in self.items
        )


# ── change it ───────────────────────────────────────────────────────────────────────────────────


class Explore(Card):
    """Controls over a pure function: change a control, and what it shows changes at once.

        panel = Explore(schedule, question="What do more retries cost?", retries=slider("Retries", 0, 6, 2))
        panel                       # one cell: the controls and what they show
        panel.set(retries=5)        # the next cell sets a control, as a hand would …
        panel.shown                 # … and shows what the callback made of it

    `draw` takes the controls' values by name and returns one thing to show or several.
    """

    def __init__(self, draw: Callable[..., Any], *, question: str, **controls: Any) -> None:
        super().__init__(question)
        self.question, self.controls, self._draw = question, controls, draw
        self._screen = text("")
        _align(controls.values())
        self.fill(text(question_html(question)), *controls.values(), self._screen)
        for control in controls.values():
            control.observe(self._changed, names="value")
        self._changed()

    def _changed(self, _: object = None) -> None:
        made = self._draw(**self.values)
        made = made if isinstance(made, tuple | list) else (made,)
        self.parts = tuple(as_shown(part) for part in made)
        self._screen.value = joined(self.parts)[0]

    @property
    def values(self) -> dict[str, Any]:
        """The controls' values, by name."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def shown(self) -> Shown:
        """What the panel shows at this moment, without its controls."""
        return self.parts[0] if len(self.parts) == 1 else Stack(self.parts)

    def set(self, **values: Any) -> Explore:
        """Set controls from code. The callback runs, exactly as for a hand on the control."""
        for name, value in values.items():
            if name not in self.controls:
                raise ValueError(f"no control {name!r}; there are {sorted(self.controls)}")
            self.controls[name].value = value
        return self

    def plain(self) -> tuple[str, str]:
        """The controls' values and what they show."""
        html, words = joined(self.parts)
        named = [(c.description or name, cell_text(c.value)) for name, c in self.controls.items()]
        set_to = ", ".join(f"{label}: {value}" for label, value in named)
        return (
            f"{question_html(self.question)}<p>{escape(set_to)}</p>{html}",
            f"{self.question}\n{set_to}\n{words}",
        )


def slider(label: str, low: int, high: int, value: int, step: int = 1) -> Any:
    """A whole number to drag, or to move with the arrow keys."""
    return w.IntSlider(
        description=label,
        min=low,
        max=high,
        value=value,
        step=step,
        continuous_update=False,
        style={"description_width": "initial"},
        layout=w.Layout(width="min(520px, 100%)"),
    )


def textbox(label: str, value: str = "") -> Any:
    """A line of text; what it shows changes when Enter is pressed or the box is left."""
    return w.Text(
        description=label,
        value=value,
        continuous_update=False,
        style={"description_width": "initial"},
        layout=w.Layout(width="min(520px, 100%)"),
    )


def _align(controls: Iterable[Any]) -> None:
    """Give the labels of a column of controls one width, so that the controls stand under each other."""
    labelled = [c for c in controls if isinstance(c, w.Dropdown | w.IntSlider | w.FloatSlider | w.Text)]
    widest = max((len(control.description) for control in labelled), default=0)
    for control in labelled:
        control.style.description_width = f"{min(widest, 72)}ch"


def checkbox(label: str, *, value: bool = False) -> Any:
    """A box to tick."""
    return w.Checkbox(description=label, value=value, indent=False, layout=w.Layout(width="auto"))
