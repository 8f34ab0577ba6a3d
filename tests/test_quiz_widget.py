"""The mastery check on the screen, driven as a hand would drive it."""

import ipywidgets
import pytest

from labkit.lab.quiz import draw
from labkit.lab.widgets import Quiz, subscribe
from labkit.lab.widgets.quiz import FIRST


@pytest.fixture
def heard():
    """Every step that widgets told of."""
    steps = []
    end = subscribe(steps.append)
    yield steps
    end()


def _walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _walk(child)


def _find(card, kind):
    return [widget for widget in _walk(card.box) if isinstance(widget, kind)]


def _press(card, label):
    next(b for b in _find(card, ipywidgets.Button) if b.description == label).click()


def _text(card):
    return " ".join(widget.value for widget in _find(card, ipywidgets.HTML))


def test_confidence_comes_before_the_options():
    """No option is on the screen until the learner has said how sure they are, and then that is fixed."""
    asked = Quiz(seed=1).asked[0]
    assert _find(asked, ipywidgets.RadioButtons) == []
    assert FIRST in _text(asked)
    _press(asked, "Show the options")
    assert len(_find(asked, ipywidgets.RadioButtons)[0].options) == 4
    assert _find(asked, ipywidgets.Dropdown)[0].disabled


def test_an_answer_by_hand_is_explained_and_heard(heard):
    """Sure, options, choice, answer: the reason of that option, its cell, and one step for the journal."""
    asked = Quiz(seed=1).asked[0]
    wrong = next(letter for letter in "ABCD" if letter != asked.asked.right)
    _find(asked, ipywidgets.Dropdown)[0].value = 90
    _press(asked, "Show the options")
    _find(asked, ipywidgets.RadioButtons)[0].value = wrong
    _press(asked, "Answer")
    option = asked.asked.option(wrong)
    assert option.because in _text(asked).replace("&#x27;", "'").replace("&quot;", '"')
    assert option.place in _text(asked)
    assert [(step.what, step.name, step.confidence, step.right) for step in heard] == [
        ("answered", asked.asked.name, 90, False)
    ]


def test_an_empty_answer_asks_for_one(heard):
    """Nothing is fixed before something is chosen."""
    asked = Quiz(seed=1).asked[0]
    _press(asked, "Show the options")
    _press(asked, "Answer")
    assert "Choose one" in _text(asked)
    assert asked.marked is None
    assert heard == []


def test_the_first_answer_counts(heard):
    """After the feedback another answer changes nothing."""
    asked = Quiz(seed=1).asked[0]
    asked.answer("A")
    first = asked.marked
    asked.answer("B")
    assert asked.marked is first
    assert len(heard) == 1


def test_the_last_answer_brings_the_result():
    """Nine answers, all right: passed; before that only a count."""
    quiz = Quiz(seed=3)
    for number, asked in enumerate(quiz.asked):
        assert f"{number} of 9 answered." in quiz.to_text()
        asked.answer(asked.asked.right, 90)
    assert "9 of 9 right: passed. By how sure you were, you expected 8.1." in quiz.to_text()
    assert "9 of 9 right: passed." in _text(quiz.cards[-1])


def test_a_sure_mistake_comes_first():
    """The result begins with what to go back to."""
    quiz = Quiz(seed=3)
    wrong = {n: next(x for x in "ABCD" if x != q.right) for n, q in enumerate(quiz.paper, 1)}
    shown = quiz.mark({1: (quiz.paper[0].right, 99), 2: (wrong[2], 50), 3: (wrong[3], 90)})
    lines = [line for line in shown.to_text().splitlines() if line[:1].isdigit() and ". " in line[:4]]
    assert [line[0] for line in lines] == ["3", "2", "1"]
    assert "not right, and you were sure" in lines[0]
    assert "1 of 9 right: not passed yet" in shown.to_text()


def test_without_answers_there_is_nothing_to_show():
    """The cell for readers without widgets is quiet until they fill it in."""
    assert Quiz().mark({}).to_text() == "Nothing is answered yet."


def test_a_wrong_letter_marks_nothing():
    """Either all answers are taken or none."""
    quiz = Quiz()
    with pytest.raises(ValueError, match="A, B, C, D"):
        quiz.mark({1: "A", 2: "F"})
    assert quiz.result.answers == ()


def test_the_plain_form_has_every_option_with_its_reason_folded_away():
    """HTML opens each reason without a script; plain words show the options and give nothing away."""
    quiz = Quiz(seed=5, attempt=2)
    html, words = quiz.plain()
    assert html.count("<details>") == 36
    assert quiz.paper == draw(5, 2)
    assert all(option.text in words for found in quiz.paper for option in found.options)
    assert not any(option.because in words for found in quiz.paper for option in found.options)
