"""The bad handlers: what is planted in them is there, it runs, and each harm happens."""

import ipywidgets
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.failures import LabkitError
from labkit.lab.handlers import HANDLERS, INNOCENT, LONG, SHORT, parse, score
from labkit.lab.lessons import lessons
from labkit.lab.stage import CUSTOMER, Stage, play
from labkit.lab.widgets import subscribe
from labkit.lab.widgets.picker import Picker

BOTH = pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
PAGE = {"question": CUSTOMER, "account_id": "acct_10234"}


def _on(handler, *script, actions=()):
    """One run of a handler: what was seen, and the stage."""
    stage = Stage(script, actions)
    return play(handler.load(stage.names), stage, PAGE if handler is LONG else CUSTOMER), stage


# ── what is planted ──


def test_the_short_handler_has_the_five_problems_of_the_lesson():
    """Five, as the practice section of the lesson names them."""
    assert len(SHORT.problems) == 5


def test_the_long_handler_has_at_least_twelve_problems():
    """Twelve or more, from at least eight lessons."""
    assert len(LONG.problems) >= 12
    assert len({problem.lesson for problem in LONG.problems}) >= 8


@BOTH
def test_every_problem_is_complete(handler):
    """Lines, what is wrong, why, what is better, and a lesson that exists."""
    names = {lesson.name for lesson in lessons()}
    for problem in handler.problems:
        assert problem.lines
        assert all(words.endswith(".") for words in (problem.problem, problem.why, problem.better))
        assert problem.lesson in names


@BOTH
def test_a_line_belongs_to_one_problem_and_is_not_called_fine(handler):
    """Otherwise a mark would be right and wrong at once."""
    lines = [line for problem in handler.problems for line in problem.lines]
    assert len(lines) == len(set(lines))
    assert not set(lines) & set(handler.fine)


def test_a_planted_line_that_is_not_in_the_code_is_refused():
    """A handler that was changed without its problems is noticed."""
    problem = {"name": "a", "lines": ["y = 2"], "problem": "", "why": "", "better": "", "lesson": ""}
    with pytest.raises(LabkitError, match="y = 2"):
        parse({"name": "n", "title": "t", "code": "x = 1", "problem": [problem]})


# ── the score ──


@BOTH
@given(data=st.data())
def test_found_missed_and_alarms_add_up(handler, data):
    """Whatever is marked: each problem is found or missed, and each innocent mark is an alarm."""
    marked = data.draw(st.sets(st.integers(1, len(handler.numbered))))
    result = score(handler, marked)
    assert {*result.found} | {*result.missed} == {*handler.problems}
    assert not {*result.found} & {*result.missed}
    assert all(set(problem.lines) & marked for problem in result.found)
    assert set(result.alarms) == {line for line in marked if line not in handler.guilty}


@BOTH
def test_marking_everything_finds_everything_and_is_told_the_alarms(handler):
    """No way round reading."""
    result = score(handler, {number for number, _ in handler.numbered})
    assert not result.missed
    assert len(result.alarms) == len(handler.numbered) - len(handler.guilty)


def test_any_line_of_a_problem_finds_it():
    """A problem may be seen where it begins or where it ends."""
    for problem in SHORT.problems:
        assert all(score(SHORT, {line}).found == (problem,) for line in problem.lines)


def test_every_false_alarm_has_a_reason():
    """Its own where the line looks guilty, a common one otherwise."""
    alarms = score(SHORT, {1, 3}).alarm_table.rows
    assert [row["why it is none"] for row in alarms] == [INNOCENT, SHORT.fine[3]]


def test_a_line_that_is_not_there_cannot_be_marked():
    """The error names it and the lines that exist."""
    with pytest.raises(LabkitError, match=r"\[99\].*1 to 17"):
        score(SHORT, {99})


# ── the harms ──


def test_the_short_handler_passes_on_a_good_day():
    """It runs, so it looks fine."""
    seen, _ = _on(SHORT, "ok")
    assert "eligible under P-7" in seen["the screen gets"]


def test_a_refusal_reaches_the_screen_as_none():
    """The SDK's empty field is shown, and operations have nothing."""
    seen, _ = _on(SHORT, "refusal")
    assert (seen["the screen gets"], seen["records for operations"]) == ("None", 0)


def test_silence_takes_three_times_ninety_seconds():
    """270 s on the handler's clock."""
    seen, _ = _on(SHORT, *["silence"] * 3)
    assert (seen["seconds"], seen["requests"]) == (270, 3)


def test_a_spent_quota_is_sent_three_times():
    """The provider counts."""
    seen, _ = _on(SHORT, *["quota"] * 3)
    assert seen["requests"] == 3


def test_ninety_days_reach_the_screen():
    """The policy says 30."""
    seen, _ = _on(SHORT, "window_90")
    assert "90 days" in seen["the screen gets"]


def test_the_log_holds_prompt_and_answer():
    """One line with the customer's words in it."""
    seen, stage = _on(SHORT, "ok")
    assert seen["customer's name in the log"]
    assert CUSTOMER in stage.log[0]


def test_the_long_handler_makes_one_job_on_a_good_day():
    """And its record holds a cost in floats."""
    seen, stage = _on(LONG, "ok")
    assert "'status': 200" in seen["the screen gets"]
    assert len(stage.lab.provider.rotations.effects) == 1
    assert stage.records[0]["status"] == "ok"


@pytest.mark.parametrize(
    ("answer", "service", "jobs"), [("not_eligible", "ok", 1), ("ok", "lost_response", 2)]
)
def test_the_long_handler_acts_when_it_must_not(answer, service, jobs):
    """A job for the one who is not eligible; two for one account after a lost response."""
    _, stage = _on(LONG, answer, actions=[service])
    assert len(stage.lab.provider.rotations.effects) == jobs


# ── the picker ──


def _walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _walk(child)


def _find(card, kind):
    return [widget for widget in _walk(card.box) if isinstance(widget, kind)]


def _said(card):
    return " ".join(widget.value for widget in _find(card, ipywidgets.HTML))


def _press(card, label):
    next(b for b in _find(card, ipywidgets.Button) if b.description == label).click()


def test_every_line_has_a_box_with_its_number_and_its_code():
    """The box's label is its accessible name."""
    labels = [
        box.description.replace("\u00a0", " ")
        for box in _find(Picker(LONG, name="14-x"), ipywidgets.Checkbox)
    ]
    assert labels == [f"{number:>3}  {line}" for number, line in LONG.numbered if line.strip()]


def test_the_result_waits_for_the_marks():
    """Nothing of the answer is in the page before the commit."""
    picker = Picker(SHORT, name="14-x")
    result = picker.result
    assert SHORT.problems[0].why not in _said(result)
    _find(picker, ipywidgets.Checkbox)[8].value = True
    _press(picker, "Commit my marks")
    assert "1 of 5 found, 4 missed, 0 false alarms." in _said(result)
    assert SHORT.problems[0].why in _said(result)


def test_without_a_mark_nothing_is_committed():
    """The picker asks for one."""
    picker = Picker(SHORT, name="14-x")
    _press(picker, "Commit my marks")
    assert not picker.committed
    assert "Mark at least one line" in _said(picker)


def test_the_first_commit_counts():
    """Marks cannot be mended after the result was seen."""
    picker = Picker(SHORT, name="14-x")
    picker.commit(1)
    picker.commit(9)
    assert picker.marked == (1,)
    assert all(box.disabled for box in _find(picker, ipywidgets.Checkbox))


def test_a_commit_is_told_to_the_journal():
    """Which lines, and whether the review was perfect."""
    heard = []
    end = subscribe(heard.append)
    Picker(SHORT, name="14-x").commit(4, 6, 9, 16, 17)
    end()
    assert [(step.what, step.name, step.chosen, step.right) for step in heard] == [
        ("marked", "14-x", ("4", "6", "9", "16", "17"), True)
    ]


def test_the_result_can_be_asked_for_without_marks():
    """Then it is the list of problems, with no verdict on the learner."""
    result = Picker(SHORT, name="14-x").result
    _press(result, "Show it without marks")
    assert SHORT.problems[0].why in _said(result)
    assert "missed" not in _said(result)


def test_the_plain_form_shows_code_first_and_then_everything():
    """Without widgets a notebook still tells the whole story."""
    picker = Picker(SHORT, name="14-x")
    assert "  9                  timeout=90," in picker.to_text()
    assert all(problem.better in picker.result.to_text() for problem in SHORT.problems)
