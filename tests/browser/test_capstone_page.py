"""The support desk in a browser: what Luna sees, and what her clicks do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Page, expect

from labkit.lab.capstone.service import Desk, create_service, desk_for
from labkit.lab.provider import Provider, practice
from tests.browser.lab import SHOTS, browser

pytestmark = pytest.mark.needs("chromium")

PATIENCE = 15_000  # milliseconds; a busy machine needs some of them
SLOW = "pace:0.5"  # half a second between two words: time to press a button


@dataclass
class Open:
    """An open desk: its page, and what stands behind it."""

    page: Page
    desk: Desk
    provider: Provider

    def fault(self, name: str) -> None:
        self.page.get_by_text("Fault injector").click()
        self.page.get_by_label("What goes wrong with the next question").select_option(name)

    def ask(self) -> None:
        self.page.get_by_role("button", name="Ask").click()

    def shoot(self, name: str) -> None:
        SHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SHOTS / f"capstone-{name}.png", full_page=True)

    def state(self, words: str) -> None:
        expect(self.page.locator("#state")).to_contain_text(words, timeout=PATIENCE)

    def width(self) -> int:
        return self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as made:
        yield made


@pytest.fixture
def opened(page: Page, tmp_path: Path) -> Iterator[Open]:
    """A desk with a provider and a ledger of its own."""
    with practice() as provider, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # from here on the browser may knock, also before the server answers
        desk = desk_for(provider, tmp_path / "actions.db", timeout_seconds=4.0)
        server = uvicorn.Server(uvicorn.Config(create_service(desk), log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            page.goto(f"http://127.0.0.1:{listening.getsockname()[1]}/")
            yield Open(page, desk, provider)
            page.goto("about:blank")
        finally:
            server.should_exit = True
            thread.join(20)


def wait_for_record(desk: Desk, status: str, seconds: float = 10) -> None:
    """A record is written when the server has seen that the browser is gone."""
    until = time.monotonic() + seconds
    while status not in [str(record.status) for record in desk.records]:
        assert time.monotonic() < until, f"no record says {status}: {desk.records}"
        time.sleep(0.02)


def test_a_question_becomes_a_draft_and_then_a_decision(opened: Open) -> None:
    """While the words come they are marked unapproved, and nothing can be acted on; then it can."""
    opened.provider.script(["pace:0.2", "ok"])
    opened.shoot("ready")
    opened.ask()
    expect(opened.page.locator("#text")).to_contain_text("Account", timeout=PATIENCE)
    expect(opened.page.locator("#tag")).to_have_text("unapproved")
    expect(opened.page.locator("#rotate")).to_be_disabled()
    opened.shoot("draft")
    opened.state("Decided.")
    expect(opened.page.locator("#verdict")).to_have_text("✓ eligible: 30 days, by P-7")
    expect(opened.page.locator("#tag")).to_contain_text("still for you to approve")
    expect(opened.page.get_by_role("button", name="Create the rotation job")).to_be_enabled()
    assert ["ok", "ok"] == [str(record.status) for record in opened.desk.records]
    assert opened.width() <= 0
    opened.shoot("decided")


def test_cancel_in_the_middle_of_a_stream(opened: Open) -> None:
    """The page says cancelled, the record says cancelled, no decision follows, and asking works again."""
    opened.provider.script([SLOW])
    opened.ask()
    expect(opened.page.locator("#text")).to_contain_text("Account", timeout=PATIENCE)
    opened.page.get_by_role("button", name="Cancel").click()
    opened.state("Cancelled. Nothing was decided.")
    expect(opened.page.locator("#tag")).to_have_text("cut off, unapproved")
    expect(opened.page.locator("#decision")).to_be_hidden()
    opened.shoot("cancelled")
    wait_for_record(opened.desk, "cancelled")
    assert 1 == opened.provider.count
    opened.ask()
    opened.state("Decided.")


FAILURES = {
    "quota": "quota is spent",
    "slow": "did not answer in time",
    "ninety_days": "not what the policy says",
    "refusal": "refuses",
}


@pytest.mark.parametrize("fault", FAILURES)
def test_a_failure_is_said_in_words(opened: Open, fault: str) -> None:
    """The state says what happened and what to do; the button stays closed."""
    opened.desk.timeout_seconds = 1.0
    opened.fault(fault)
    opened.ask()
    opened.state("No decision.")
    opened.state(FAILURES[fault])
    expect(opened.page.locator("#rotate")).to_be_disabled()
    assert opened.width() <= 0
    opened.shoot(fault)


@pytest.mark.parametrize(("fault", "told"), [("truncated", "incomplete"), ("error_midway", "withdrawn")])
def test_a_broken_stream_takes_its_draft_back(opened: Open, fault: str, told: str) -> None:
    """A draft that ended badly is withdrawn by name; the decision, a call of its own, still comes."""
    opened.fault(fault)
    opened.ask()
    opened.state("Decided.")
    expect(opened.page.locator("#tag")).to_contain_text(told)
    expect(opened.page.locator("#text")).not_to_contain_text("acct_10234")
    opened.shoot(fault)


def test_a_double_click_makes_one_job(opened: Open) -> None:
    """Two clicks, two requests, one job."""
    opened.ask()
    opened.state("Decided.")
    opened.page.get_by_role("button", name="Create the rotation job").dblclick()
    expect(opened.page.locator("#job")).to_contain_text("You pressed 2 times.", timeout=PATIENCE)
    expect(opened.page.locator("#job")).to_contain_text("job_acct_10234_001")
    assert 1 == len(opened.provider.rotations.effects)
    opened.shoot("double-click")


def test_a_lost_response_is_looked_up_and_not_repeated(opened: Open) -> None:
    """In doubt, it offers to look; then the same button shows the job that was there."""
    opened.fault("lost_response")
    opened.ask()
    opened.state("Decided.")
    opened.page.locator("#rotate").click()
    expect(opened.page.locator("#job")).to_contain_text("In doubt", timeout=PATIENCE)
    opened.shoot("in-doubt")
    opened.page.get_by_role("button", name="Look whether it was created").click()
    expect(opened.page.locator("#job")).to_contain_text("Looked.", timeout=PATIENCE)
    opened.page.locator("#rotate").click()
    expect(opened.page.locator("#job")).to_contain_text("job_acct_10234_001 exists, once.", timeout=PATIENCE)
    assert 1 == len(opened.provider.rotations.effects)


def test_all_of_it_without_a_mouse(opened: Open) -> None:
    """Tab and Enter ask, cancel, ask again and act; the focus never falls out of the page."""
    keys = opened.page.keyboard
    opened.provider.script([SLOW])
    for key in ("Tab", "Tab", "Enter"):
        keys.press(key)
    expect(opened.page.locator("#text")).to_contain_text("Account", timeout=PATIENCE)
    expect(opened.page.locator("#ask")).to_be_focused()
    for key in ("Tab", "Enter"):
        keys.press(key)
    opened.state("Cancelled.")
    expect(opened.page.locator("#cancel")).to_be_focused()
    for key in ("Shift+Tab", "Enter"):
        keys.press(key)
    opened.state("Decided.")
    for key in ("Tab", "Tab", "Tab", "Enter"):
        keys.press(key)
    expect(opened.page.locator("#job")).to_contain_text("created.", timeout=PATIENCE)
    assert 1 == len(opened.provider.rotations.effects)


def test_an_empty_question_is_not_sent(opened: Open) -> None:
    """The page says so, and no request goes out."""
    opened.page.get_by_label("The customer asks").fill(" ")
    opened.ask()
    opened.state("Not sent")
    assert 0 == opened.provider.count
