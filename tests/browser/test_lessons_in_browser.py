"""Lessons in JupyterLab, as a learner has them on the screen."""

import shutil
from pathlib import Path

import pytest

from tests.browser.lab import Book, browser, chromium, end_kernels, jupyterlab, type_keys

NOTEBOOKS = sorted((Path(__file__).parent.parent.parent / "notebooks").glob("*.ipynb"))

PATIENCE = 15_000  # milliseconds; a busy machine needs some of them

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """One JupyterLab over copies of all lessons."""
    folder = tmp_path_factory.mktemp("lessons")
    for path in NOTEBOOKS:
        shutil.copy(path, folder)
    with jupyterlab(folder) as where:
        yield where


@pytest.fixture(scope="module")
def page():
    """One page for all of them."""
    with browser() as made:
        yield made


@pytest.fixture(autouse=True)
def no_kernel_is_left(address):
    """A kernel for each test, and none after it: twenty idle ones slow the machine down."""
    yield
    end_kernels(address)


@pytest.mark.parametrize("name", [path.name for path in NOTEBOOKS])
def test_a_lesson_runs_and_can_be_read(page, address, name):
    """Run all: no error that is not announced, nothing scrolls sideways, every input has a name."""
    book = Book(page, address, name)
    book.run_all()
    book.shoot()
    assert book.errors() == []
    assert book.broken_widgets() == 0
    assert book.too_wide() == []
    assert book.unlabelled() == []


def test_a_prediction_is_made_without_a_mouse(page, address):
    """Tab, arrow, space: the choice, the confidence, the commit; then the result opens."""
    book = Book(page, address, "00_one_call.ipynb")
    book.run_all()
    question, result = book.cell("predict-requests"), book.cell("run-record")
    assert "Show it without a prediction" in result.inner_text()
    question.locator("input[type=radio]").first.focus()
    # "f" jumps in the list of confidences to "fairly sure (70%)".
    type_keys(page, "ArrowDown", "ArrowDown", "Tab", "Tab", "f", "Tab", "Enter")
    result.get_by_text("✓ as predicted").wait_for(timeout=PATIENCE)
    assert "You predicted 2, 70% sure" in result.inner_text()
    assert "rate_limited" in result.inner_text()


def test_a_call_is_stepped_forward_and_back(page, address):
    """Next, next, back: the sentence follows."""
    book = Book(page, address, "00_one_call.ipynb")
    book.run_all()
    steps = book.cell("step-through")
    steps.get_by_text("Next ▶").click()
    steps.get_by_text("Step 2 of 8").wait_for(timeout=PATIENCE)
    steps.get_by_text("Next ▶").click()
    steps.get_by_text("Step 3 of 8").wait_for(timeout=PATIENCE)
    steps.get_by_text("◀ Back").click()
    steps.get_by_text("Step 2 of 8").wait_for(timeout=PATIENCE)


def test_a_control_changes_what_is_shown(page, address):
    """Another first answer makes another call, and its end is shown."""
    book = Book(page, address, "00_one_call.ipynb")
    book.run_all()
    panel = book.cell("change-it-widget")
    panel.locator("select").first.select_option("refusal")
    panel.get_by_text("gets a named failure: refused").wait_for(timeout=PATIENCE)


def test_a_recall_answer_is_opened_and_marked(page, address):
    """Show the answer, then say how it went."""
    book = Book(page, address, "00_one_call.ipynb")
    book.run_all()
    recall = book.cell("recall-questions")
    recall.get_by_text("Show the answer").first.click()
    recall.get_by_text("partly", exact=True).click()
    recall.get_by_text("Noted: partly.").wait_for(timeout=PATIENCE)


def test_a_box_is_ticked_and_the_scan_follows(page, address):
    """Lesson 01: the deleted line takes its key along."""
    book = Book(page, address, "01_keys.ipynb")
    book.run_all()
    panel = book.cell("change-it-panel")
    assert panel.get_by_text("groq").count() == 2  # the source and the metadata, after clearing outputs
    panel.get_by_label("Delete the commented line").check()
    panel.get_by_text("groq").nth(1).wait_for(state="detached", timeout=PATIENCE)
    assert panel.get_by_text("groq").count() == 1


def test_a_value_is_typed_against_the_contract(page, address):
    """Lesson 02: text and Enter, then the contract's own words."""
    book = Book(page, address, "02_contract.ipynb")
    book.run_all()
    panel = book.cell("change-it-panel")
    panel.get_by_label("Value").fill("0.5")
    panel.get_by_label("Value").press("Enter")
    panel.get_by_text("accepted", exact=True).wait_for(timeout=PATIENCE)


def test_two_payloads_are_chosen(page, address):
    """Lesson 03: any adapter beside any other."""
    book = Book(page, address, "03_adapter.ipynb")
    book.run_all()
    panel = book.cell("change-it-panel")
    panel.get_by_label("Left").select_option("anthropic")
    panel.get_by_text("/v1/messages").wait_for(timeout=PATIENCE)


def test_a_fault_is_chosen_and_both_readers_see_it(page, address):
    """Lesson 04: the product's next step and the record's status."""
    book = Book(page, address, "04_two_outputs.ipynb")
    book.run_all()
    panel = book.cell("change-it-panel")
    panel.get_by_label("The provider").select_option("quota")
    panel.get_by_text("tell_operations").wait_for(timeout=PATIENCE)


def test_a_rule_is_switched_off(page, address):
    """Lesson 09: without its rule the 90 days get through."""
    book = Book(page, address, "09_valid_is_not_right.ipynb")
    book.run_all()
    panel = book.cell("change-it-rules")
    panel.get_by_label("window equals the cited line").check()
    panel.get_by_text("Wrong answers that get through: none.").wait_for(timeout=PATIENCE)
    panel.get_by_label("cites each line once").uncheck()
    panel.get_by_text("Wrong answers that get through: J.").wait_for(timeout=PATIENCE)


def test_a_stream_is_stepped_and_another_one_taken(page, address):
    """Lesson 10: next, back, and another recording begins at its start."""
    book = Book(page, address, "10_streaming.ipynb")
    book.run_all()
    steps = book.cell("change-it-scrubber")
    steps.get_by_text("Next ▶").click()
    steps.get_by_text("Step 9 of 31: streaming").wait_for(timeout=PATIENCE)
    steps.get_by_text("◀ Back").click()
    steps.get_by_text("Step 8 of 31: streaming").wait_for(timeout=PATIENCE)
    steps.get_by_label("Recording").select_option("ends in order, too early")
    steps.get_by_text("To the end").click()
    steps.get_by_text("failed: no_terminal_marker").wait_for(timeout=PATIENCE)


def test_a_live_stream_is_stopped_by_its_button(page, address):
    """Lesson 10: start, stop while it runs; the record says cancelled and no connection is left."""
    book = Book(page, address, "10_streaming.ipynb")
    book.run_all()
    live = book.cell("change-it-live-stream")
    live.get_by_text("Start", exact=True).click()
    live.get_by_text("Account", exact=False).first.wait_for(timeout=PATIENCE)
    live.get_by_text("Stop", exact=True).click()
    live.get_by_text("attempts whose bill is unknown").wait_for(timeout=PATIENCE)
    said = live.inner_text()
    assert "cancelled" in said
    assert "is eligible under P-7" not in said


def test_a_quiz_question_is_answered_without_a_mouse(page, address):
    """Lesson 16: confidence, options, choice, answer; the focus keeps its place and goes on to the next."""
    book = Book(page, address, "16_mastery_check.ipynb")
    book.run_all()
    quiz = book.cell("check-quiz")
    assert quiz.locator("input[type=radio]").count() == 0
    quiz.locator("select").first.focus()
    type_keys(page, "f", "Tab", "Enter")
    quiz.locator("input[type=radio]").first.wait_for(timeout=PATIENCE)
    type_keys(page, "Tab", "Space", "Tab", "Tab", "Tab", "Tab", "Enter")
    quiz.get_by_text("See lesson").wait_for(timeout=PATIENCE)
    quiz.get_by_text("1 of 9 answered.").wait_for(timeout=PATIENCE)
    type_keys(page, "Tab", "Tab", "Enter")
    quiz.locator("input[type=radio]").nth(7).wait_for(timeout=PATIENCE)
    assert quiz.locator("select:disabled").count() == 2


def test_lines_are_marked_without_a_mouse_and_then_the_harm_is_shown(page, address):
    """Lesson 14: Tab and Space mark two lines, Enter commits; score and harms were hidden until then."""
    book = Book(page, address, "14_spot_the_problems.ipynb")
    book.run_all()
    picker, result, harm = book.cell("mark-short"), book.cell("found-short"), book.cell("harm-wait")
    assert "270" not in harm.inner_text()
    picker.locator("input[type=checkbox]").first.focus()
    type_keys(page, *["Tab"] * 8, "Space", *["Tab"] * 8, "Space", "Tab", "Enter")
    result.get_by_text("2 of 5 found, 3 missed, 0 false alarms.").wait_for(timeout=PATIENCE)
    harm.get_by_text("270", exact=True).wait_for(timeout=PATIENCE)
