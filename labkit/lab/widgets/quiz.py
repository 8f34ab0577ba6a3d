"""The mastery check on the screen: first how sure, then the options, then the reason.

Whoever sees four options feels that they knew it. So a question stands alone until the learner has said how
sure they are, and the two are compared at the end: a sure mistake is the one to go back to.

    quiz = Quiz(seed=16)
    quiz                                   # nine cards and a result, by mouse or by keyboard
    quiz.mark({1: ("B", 70), 2: "D"})      # the same without widgets
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

import ipywidgets as w  # type: ignore[import-untyped]

from labkit.lab.present import Shown, Stack, Table, Words
from labkit.lab.quiz import MORE_THAN, Marked, Question, Result, draw, mark, topics
from labkit.lab.widgets.base import (
    CONFIDENCE,
    Card,
    Listener,
    Step,
    Together,
    button,
    dropdown,
    question_html,
    tell,
    text,
)

SURE = 70  # percent, and above: a mistake made with this confidence is named first
FIRST = "Before you see the options: how sure are you that you know it?"


class Asked(Card):
    """One question: confidence, options, feedback, in this order."""

    def __init__(
        self,
        number: int,
        asked: Question,
        answered: Callable[[], object] = lambda: None,
        on_commit: Listener | None = None,
    ) -> None:
        super().__init__(asked.ask)
        self.number, self.asked = number, asked
        self.marked: Marked | None = None
        self._answered, self._on_commit = answered, on_commit
        self._sure = dropdown("How sure?", CONFIDENCE, 50)
        self._show = button("Show the options", self.show)
        self._rest = w.VBox([], layout=w.Layout(align_items="flex-start", width="100%"))
        self.fill(text(question_html(self.title)), text(FIRST), self._sure, self._show, self._rest)

    @property
    def title(self) -> str:
        """The question with its number."""
        return f"{self.number}. {self.asked.ask}"

    @property
    def options(self) -> list[str]:
        """The options with their letters, as they are shown."""
        return [f"{letter}  {option.text}" for letter, option in self.asked.lettered()]

    def show(self) -> None:
        """Fix the confidence and show the options."""
        if self._rest.children:
            return
        self._sure.disabled = True
        # Pressed buttons stay enabled: a disabled one loses the focus, and the keyboard its place.
        self._show.description = "Your confidence is noted"
        self._radio = w.RadioButtons(
            options=[(label, label[0]) for label in self.options],
            value=None,
            layout=w.Layout(width="100%"),
        )
        self._press = button("Answer", self._pressed, main=True)
        self._said = text("", live=True)
        self._rest.children = [self._radio, self._press, self._said]

    def _pressed(self) -> None:
        if self.marked is None and self._radio.value is None:
            self._said.value = _live("Choose one of the four first.")
        else:
            self.answer(self._radio.value)

    def answer(self, letter: str, confidence: int | None = None) -> None:
        """Fix the answer and say why; the first word counts. From code: `answer("B", 70)`."""
        if self.marked:
            return
        chosen = self.asked.option(letter)
        if confidence is not None:
            self._sure.value = confidence
        self.show()
        self._radio.value, self._radio.disabled = letter.strip().upper(), True
        self._press.description = "Answered"
        self.marked = Marked(self.number, self.asked, chosen, self._sure.value)
        self._said.value = _live(feedback_html(self.marked))
        right = self.asked.option(self.asked.right)
        step = Step(
            "answered", self.asked.name, (chosen.text,), self._sure.value, (right.text,), chosen.right
        )
        tell(step, self._on_commit)
        self._answered()

    def plain(self) -> tuple[str, str]:
        """The question, its options, and what is said of each, folded away."""
        options = "".join(
            f"<li>{escape(option.text)}<details><summary>If you chose {letter}</summary>"
            f"<div>{_sign(right=option.right)} {escape(option.because)} <i>See {option.place}.</i></div>"
            "</details></li>"
            for letter, option in self.asked.lettered()
        )
        html = f'{question_html(self.title)}<ol type="A">{options}</ol>'
        return html, "\n".join([self.title, *(f"  {label}" for label in self.options)])


class Quiz(Together):
    """A paper of nine questions with its result.

    The same `seed` and `attempt` bring the same paper. Attempt 2 has other questions, and so has 3.
    """

    def __init__(self, seed: int = 16, attempt: int = 1, on_commit: Listener | None = None) -> None:
        self.paper = draw(seed, attempt)
        self.asked = tuple(
            Asked(number, found, self._answered, on_commit) for number, found in enumerate(self.paper, 1)
        )
        self._end = _End()
        super().__init__([*self.asked, self._end])
        self._answered()

    @property
    def result(self) -> Result:
        """What has been answered so far."""
        return Result(tuple(asked.marked for asked in self.asked if asked.marked), len(self.paper))

    def _answered(self) -> None:
        self._end.say(self.result)

    def mark(self, answers: Mapping[int, str | tuple[str, int]]) -> Shown:
        """Answer without widgets: by number, a letter or a letter and how sure; gives the result."""
        mark(self.paper, answers)  # refuses what cannot be before anything is answered
        for number, said in answers.items():
            letter, confidence = (said, None) if isinstance(said, str) else said
            self.asked[number - 1].answer(letter, confidence)
        return report(self.result)


class _End(Card):
    """The last card: how far, and how it went."""

    def __init__(self) -> None:
        super().__init__("Result")
        self._said = text("", live=True)
        self._result = Result((), 0)
        self.fill(self._said)

    def say(self, result: Result) -> None:
        """Show this result."""
        self._result = result
        self._said.value = _live(self.plain()[0])

    def plain(self) -> tuple[str, str]:
        """How many are answered; once all are, how it went."""
        if len(self._result.answers) < self._result.of:
            words = f"{len(self._result.answers)} of {self._result.of} answered."
            return f"<div>{words}</div>", words
        shown = report(self._result)
        return shown.to_html(), shown.to_text()


def report(result: Result) -> Shown:
    """The result in words, and a row for each answer, sure mistakes first."""
    if not result.answers:
        return Words("Nothing is answered yet.")
    rows = [_row(answer) for answer in sorted(result.answers, key=_worst_first)]
    return Stack([Words(sentence(result)), Table(rows)])


def sentence(result: Result) -> str:
    """Passed or not, and how that compares with what the learner expected."""
    said = f"{result.points} of {result.of} right: "
    said += "passed." if result.passed else f"not passed yet; it takes more than {MORE_THAN:.0%}."
    if all(answer.confidence is not None for answer in result.answers):
        said += f" By how sure you were, you expected {result.expected:.1f}."
    return said


def _worst_first(answer: Marked) -> tuple[bool, int, int]:
    return answer.right, -(answer.confidence or 0), answer.number


def _row(answer: Marked) -> dict[str, str]:
    sure_mistake = not answer.right and (answer.confidence or 0) >= SURE
    return {
        "question": f"{answer.number}. {topics()[answer.question.topic]}",
        "result": _sign(right=answer.right) + (", and you were sure" if sure_mistake else ""),
        "why": answer.chosen.because,
        "see": answer.chosen.place,
    }


def feedback_html(answer: Marked) -> str:
    """What is said to those who chose this."""
    chosen = answer.chosen
    return f"<b>{_sign(right=answer.right)}.</b> {escape(chosen.because)} <i>See {escape(chosen.place)}.</i>"


def _sign(*, right: bool) -> str:
    return "✓ right" if right else "✗ not right"


def _live(html: str) -> str:
    return f'<div role="status" aria-live="polite">{html}</div>'
