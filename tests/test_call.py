"""`labkit call`: practice by default, live by name and under a cap."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from labkit.lab.call import NotLive, call_live, call_practice, main, price_card, told
from labkit.lab.provider import PRACTICE_KEY, Provider, practice
from labkit.lab.replay import story_of
from labkit.lab.stories import play
from labkit.secrets import SecretError, Settings, load_settings
from labkit.spending import Budget, BudgetExceeded

DAY = date(2026, 11, 24)
KEY = "loopback-" + "4815162342" * 2  # the practice key itself is refused as a placeholder


def settings(provider: Provider, name: str = "openai", **changes: str) -> Settings:
    environ = {
        "LLM_API_KEY": KEY,
        "LLM_BASE_URL": provider.base_url,
        "LLM_PROVIDER": name,
        "LLM_MODEL": "practice-1",
    }
    return load_settings(environ | changes, env_file=None)


def test_practice_needs_no_settings() -> None:
    """One call, an answer, a line for a person."""
    text, code = main(live=False, provider="openai", script="429,ok", cap="1", record=None, home=Path())
    assert 0 == code
    assert text.startswith("eligible, 30 days, by P-7\n2 attempt(s)")


def test_a_named_failure_has_its_next_step_and_exit_code() -> None:
    """The shell can tell, and so can a person."""
    text, code = main(live=False, provider="anthropic", script="quota", cap="1", record=None, home=Path())
    assert 1 == code
    assert "next step: tell_operations" in text


@pytest.mark.parametrize("name", ["openai", "anthropic", "openai_responses"])
def test_a_live_call_reaches_the_provider_in_the_settings(name: str, tmp_path: Path) -> None:
    """With a key, an address and a model, the same flow; what it cost is booked for the day."""
    ledger = tmp_path / "spending.sqlite"
    with practice(key=KEY) as provider:
        outcome = call_live(settings(provider, name), ledger=ledger, today=lambda: DAY)
        assert 1 == provider.count
    assert outcome.ok
    state = Budget("2026-11-24", Decimal(1), path=ledger).state()
    used = outcome.record.usage
    assert used is not None
    assert (used.total_input_tokens * 15 + used.output_tokens * 75) / Decimal(10**6) == state.spent
    assert 0 == state.reserved


def test_the_cap_is_asked_before_anything_is_sent(tmp_path: Path) -> None:
    """A call whose worst case does not fit is not made."""
    with practice(key=KEY) as provider:
        with pytest.raises(BudgetExceeded):
            call_live(
                settings(provider), cap=Decimal("0.0001"), ledger=tmp_path / "s.sqlite", today=lambda: DAY
            )
        assert 0 == provider.count


def test_a_call_without_usage_keeps_its_whole_reservation(tmp_path: Path) -> None:
    """It may have been billed: unknown is not 0."""
    ledger = tmp_path / "spending.sqlite"
    with practice(key=KEY, faults={"no_usage": 1.0}) as provider:
        call_live(settings(provider), ledger=ledger, today=lambda: DAY)
    assert Budget("2026-11-24", Decimal(1), path=ledger).state().spent > Decimal("0.1")


@pytest.mark.parametrize("name", ["LLM_BASE_URL", "LLM_MODEL"])
def test_a_live_call_that_lacks_a_setting_names_it(name: str, tmp_path: Path) -> None:
    """The variable's name, no value."""
    with practice(key=KEY) as provider:
        lacking = settings(provider, **{name: ""})
        with pytest.raises((NotLive, SecretError), match=name):
            call_live(lacking, ledger=tmp_path / "s.sqlite")
        assert 0 == provider.count


def test_a_recorded_call_plays(tmp_path: Path) -> None:
    """What was recorded live is there offline, under its file's name."""
    path = tmp_path / "mine.jsonl"
    recorded = call_practice("anthropic", (), path)
    assert recorded.ok
    assert "ok" == play(story_of(str(path))).status
    assert PRACTICE_KEY not in path.read_text("utf-8")


def test_a_model_of_unknown_price_is_counted_cautiously() -> None:
    """The cap still caps."""
    rates = price_card("openai", "my-local-model", DAY).rates("my-local-model", on=DAY)
    assert (Decimal(15), Decimal(75)) == (rates.input, rates.output)
    assert told(call_practice(), 0.0).endswith("model: practice-model")
