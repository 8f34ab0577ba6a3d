"""What lessons 11 and 12 show: three loggers, a guessed digest, a day's traffic and its levers."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.costs import RateCard
from labkit.fingerprints import short_fingerprint
from labkit.lab.case import QUESTION
from labkit.lab.loglines import PLACES, guess, reaches_the_log
from labkit.lab.traffic import LEVERS, Traffic, as_table, compare, daily, saved
from labkit.lab.widgets.cost import cost_panel, lever_picture
from labkit.lab.widgets.redaction import playground

CARD = RateCard.illustrative()
WORDS = "My neighbour Rosalind saw my screen."
LESSON = Traffic(10_000, 250, 80)
LONG = Traffic(10_000, 2_000, 300, retried=10)


def leaks(text: str, place: str) -> list[bool]:
    """Whether each of the three loggers leaks, in their order."""
    return [row["leaks"].startswith("✗") for row in reaches_the_log(text, place).rows]


@pytest.mark.parametrize("place", PLACES)
def test_the_allowed_fields_never_leak_and_the_usual_ones_do(place: str) -> None:
    """The usual logger leaks in every place, the list of forbidden names in all but one."""
    assert leaks(WORDS, place) == [True, place != "in the field password", False]


@given(text=st.text(min_size=20), place=st.sampled_from(list(PLACES)))
def test_whatever_is_typed_the_allowed_fields_hold_it_back(text: str, place: str) -> None:
    """No sentence of twenty characters gets through the allowlist in any place."""
    *_, allowed = leaks(text, place)

    assert not allowed


def test_a_model_name_passes_as_what_it_is() -> None:
    """The allowlist is no wall: a declared field with a right value is written."""
    *_, allowed = reaches_the_log("gpt-4o", "in the field model").rows

    assert '"model": "gpt-4o"' in allowed["line"]


def test_words_of_the_line_itself_are_no_leak() -> None:
    """Typing INFO does not accuse the level of every line."""
    assert leaks("INFO", "in the field prompt") == [True, True, False]


def test_the_playground_answers_to_its_controls() -> None:
    """Changing the text or the place changes the table."""
    panel = playground(WORDS)
    before = panel.shown.to_text()

    assert "gpt-4o" in panel.set(text="gpt-4o", place="in the field model").shown.to_text()
    assert panel.shown.to_text() != before


def test_a_plain_digest_is_guessed_and_a_keyed_one_is_not() -> None:
    """The question is found behind SHA-256, and behind HMAC only with its key."""
    candidates = [QUESTION.replace("10234", f"{number:05d}") for number in range(10_000, 10_500)]

    def plain(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    def keyed(key: str) -> Any:
        return lambda text: short_fingerprint(text, key)

    assert guess(plain(QUESTION), candidates, plain).found == QUESTION
    stored = short_fingerprint(QUESTION, "dev-only-fingerprint-key")
    assert guess(stored, candidates, keyed("a guesser's own key")).found is None
    assert guess(stored, candidates, keyed("dev-only-fingerprint-key")).tries == 235


def test_the_lessons_day_and_year() -> None:
    """10,000 calls of 250 and 80 tokens: $0.00098, $9.80 and $3,577."""
    *_, whole = as_table(LESSON, CARD).rows

    assert sum(daily(LESSON, CARD).values()) == Decimal("9.8")
    assert (whole["a call"], whole["a day"], whole["a year"]) == ("$0.00098", "$9.80", "$3,577")


def test_which_lever_saves_most_depends_on_the_traffic() -> None:
    """A long stable prompt wants a cache; a task that all can wait wants a batch."""
    by_hand = {
        "as it is": "23287",
        "cache the stable 80% of the prompt": "11723.8",
        "halve the output": "19673.5",
        "no call sent twice": "21170",
        "send half as a batch": "17465.25",
    }

    assert compare(LONG, CARD) == {name: Decimal(cost) for name, cost in by_hand.items()}
    assert [row["saves"] for row in saved(compare(LONG, CARD)).rows] == [
        "0.0%",
        "49.7%",
        "25.0%",
        "15.5%",
        "9.1%",
    ]


traffics = st.builds(
    Traffic,
    calls_a_day=st.integers(0, 50_000),
    input_tokens=st.integers(0, 8_000),
    output_tokens=st.integers(0, 2_000),
    cached=st.integers(0, 80),
    retried=st.integers(0, 50),
    batched=st.integers(0, 50),
)


@given(traffic=traffics)
def test_no_lever_costs_more(traffic: Traffic) -> None:
    """Each lever, turned further than it stands, saves or changes nothing."""
    now, *others = compare(traffic, CARD).values()

    assert all(other <= now for other in others)


def test_the_panel_answers_to_its_sliders() -> None:
    """Setting the sliders gives the table of that traffic, with the bars' words beside it."""
    panel = cost_panel(LONG, CARD).set(tokens_in=250, tokens_out=80, retried=0)

    assert "$3,577" in panel.shown.to_text()
    assert "What to see: the largest part of the lower bar is input." in panel.shown.to_text()
    assert "largest part of the lower bar is output" in panel.set(tokens_out=2_000).shown.to_text()


def test_the_levers_picture_says_its_numbers() -> None:
    """Whoever cannot see the bars hears them."""
    alt = lever_picture(LONG, CARD, "one bar is half of the first.").alt

    assert all(name in alt for name in LEVERS)
    assert "11,724" in alt
