"""Lessons in JupyterLab, as a learner has them on the screen."""

import shutil
from pathlib import Path

import pytest

from tests.browser.lab import Book, browser, chromium, jupyterlab, type_keys

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
