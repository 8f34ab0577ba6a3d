"""Costs: disjoint buckets, a dated card, exact decimals, and named errors for everything else."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.costs import (
    BadRateCard,
    DatedRates,
    RateCard,
    Rates,
    UnknownModel,
    UnknownRate,
    bill,
    cost,
    money,
)
from labkit.failures import LabkitError
from labkit.usage import BadUsage, CostError, MissingUsage, Usage

CARD = RateCard.illustrative()
MODEL = "practice-model"
D = Decimal


def test_the_lessons_call_costs_what_the_lesson_says() -> None:
    """250 in and 80 out at $2 and $6 a million are $0.0005 and $0.00048, together $0.00098."""
    usage = Usage.from_openai({"prompt_tokens": 250, "completion_tokens": 80, "total_tokens": 330})

    assert bill(usage, MODEL, CARD) == {"input": D("0.0005"), "output": D("0.00048")}
    assert D("0.00098") == cost(usage, MODEL, CARD)


def test_the_lessons_year_costs_what_the_lesson_says() -> None:
    """10,000 calls a day are $9.80 a day and $3,577 a year."""
    call = cost(Usage(input_tokens=250, output_tokens=80), MODEL, CARD)

    assert [
        money(call),
        money(call * 10_000),
        money(call * 10_000 * 365),
    ] == ["$0.00098", "$9.80", "$3,577"]


def test_a_million_calls_drift_in_float_and_not_in_decimal() -> None:
    """The float sum of a million calls of $0.00001125 ends in …17696; the Decimal sum is exact."""
    drifting, exact = 0.0, D(0)
    for _ in range(1_000_000):
        drifting += 0.00001125
        exact += D("0.00001125")

    assert repr(drifting) == "11.250000000017696"
    assert D("11.25") == exact


OPENAI_CHAT = {
    "prompt_tokens": 2000,
    "completion_tokens": 300,
    "total_tokens": 2300,
    "prompt_tokens_details": {"cached_tokens": 1200, "cache_write_tokens": 500, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 120, "audio_tokens": None},
}
OPENAI_RESPONSES = {
    "input_tokens": 2000,
    "output_tokens": 300,
    "total_tokens": 2300,
    "input_tokens_details": {"cached_tokens": 1200, "cache_write_tokens": 500},
    "output_tokens_details": {"reasoning_tokens": 120},
}
ANTHROPIC = {
    "input_tokens": 300,
    "cache_read_input_tokens": 1200,
    "cache_creation_input_tokens": 500,
    "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 100},
    "output_tokens": 300,
    "output_tokens_details": {"thinking_tokens": 120},
}


@pytest.mark.parametrize("shape", [OPENAI_CHAT, OPENAI_RESPONSES])
def test_openai_input_is_split_by_subtraction(shape: dict[str, Any]) -> None:
    """OpenAI's 2,000 input tokens include the 1,200 read from cache and the 500 written to it."""
    assert Usage(
        input_tokens=300,
        cache_read_tokens=1200,
        cache_write_tokens=500,
        output_tokens=300,
        reasoning_tokens=120,
    ) == Usage.from_openai(shape)


def test_anthropic_input_is_taken_as_it_is() -> None:
    """Anthropic's 300 input tokens exclude the cache; writes are split by how long they last."""
    usage = Usage.from_anthropic(ANTHROPIC)

    assert usage.input_tokens == 300
    assert (usage.cache_write_tokens, usage.cache_write_1h_tokens) == (400, 100)
    assert 2000 == usage.total_input_tokens == Usage.from_openai(OPENAI_CHAT).total_input_tokens


@pytest.mark.parametrize(
    ("usage", "batch", "expected"),
    [
        # 300×2 + 1200×0.2 + 500×2.5 + 300×6, per million
        (Usage.from_openai(OPENAI_CHAT), False, "0.00389"),
        # 300×2 + 1200×0.2 + 400×2.5 + 100×4 + 300×6
        (Usage.from_anthropic(ANTHROPIC), False, "0.00404"),
        # Half of all but the cached read, which costs the same in a batch: 240 + (3890 − 240)/2
        (Usage.from_openai(OPENAI_CHAT), True, "0.002065"),
        (Usage.from_anthropic(ANTHROPIC), True, "0.00214"),
        (Usage(), False, "0"),
        (Usage(input_tokens=1), False, "0.000002"),
    ],
)
def test_cost_vectors_are_exact(usage: Usage, batch: bool, expected: str) -> None:
    """Cached, written, reasoning and batch tokens of both providers, to the last digit."""
    assert D(expected) == cost(usage, MODEL, CARD, batch=batch)


def test_reasoning_is_billed_once_as_output() -> None:
    """Reasoning tokens are part of the output count, so naming them changes no cost."""
    plain = Usage(output_tokens=300)
    thinking = Usage(output_tokens=300, reasoning_tokens=290)

    assert cost(plain, MODEL, CARD) == cost(thinking, MODEL, CARD)


def test_retried_attempts_add_up() -> None:
    """Two attempts cost what their summed usage costs."""
    first, second = Usage(input_tokens=250, output_tokens=3), Usage.from_anthropic(ANTHROPIC)

    both = cost(first + second, MODEL, CARD)
    assert both == cost(first, MODEL, CARD) + cost(second, MODEL, CARD)


@pytest.mark.parametrize(
    ("shape", "error", "said"),
    [
        (None, MissingUsage, "None, not 0"),
        ({}, MissingUsage, "no input_tokens"),
        ({"prompt_tokens": 5}, MissingUsage, "no completion_tokens"),
        ({"prompt_tokens": 5, "completion_tokens": None}, MissingUsage, "no completion_tokens"),
        ({"prompt_tokens": -1, "completion_tokens": 0}, BadUsage, "prompt_tokens is -1"),
        ({"prompt_tokens": True, "completion_tokens": 0}, BadUsage, "is a bool"),
        ({"prompt_tokens": 5.0, "completion_tokens": 0}, BadUsage, "is a float"),
        ({"prompt_tokens": float("nan"), "completion_tokens": 0}, BadUsage, "is a float"),
        ({"prompt_tokens": "5", "completion_tokens": 0}, BadUsage, "is a str"),
        ([5, 0], BadUsage, "is a list"),
        (
            {
                "prompt_tokens": 5,
                "completion_tokens": 0,
                "prompt_tokens_details": {"cached_tokens": 9},
            },
            BadUsage,
            "prompt_tokens 5 is less than its cached tokens, 9",
        ),
        (
            {
                "input_tokens": 5,
                "output_tokens": 2,
                "output_tokens_details": {"reasoning_tokens": 3},
            },
            BadUsage,
            "reasoning_tokens 3 exceeds output_tokens 2",
        ),
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 9},
            BadUsage,
            "total_tokens 9 is not input 5",
        ),
        (
            {
                "prompt_tokens": 5,
                "completion_tokens": 2,
                "prompt_tokens_details": {"audio_tokens": 4},
            },
            BadUsage,
            "4 audio tokens",
        ),
    ],
)
def test_bad_openai_usage_is_named(shape: Any, error: type[CostError], said: str) -> None:
    """A count that is missing, negative, no int or at odds with another is a named error."""
    with pytest.raises(error, match=said):
        Usage.from_openai(shape)


@pytest.mark.parametrize(
    ("shape", "error", "said"),
    [
        (None, MissingUsage, "None, not 0"),
        ({"input_tokens": 4}, MissingUsage, "no output_tokens"),
        ({"input_tokens": 4, "output_tokens": -2}, BadUsage, "output_tokens is -2"),
        (
            {
                "input_tokens": 4,
                "output_tokens": 2,
                "cache_creation_input_tokens": 3,
                "cache_creation": {"ephemeral_1h_input_tokens": 8},
            },
            BadUsage,
            "cache_creation_input_tokens 3 is less than ephemeral_1h_input_tokens, 8",
        ),
    ],
)
def test_bad_anthropic_usage_is_named(shape: Any, error: type[CostError], said: str) -> None:
    """Anthropic's shape is checked the same way."""
    with pytest.raises(error, match=said):
        Usage.from_anthropic(shape)


def test_unknown_usage_has_no_cost() -> None:
    """A call whose usage was lost is refused; zero would be a lie."""
    with pytest.raises(MissingUsage):
        cost(None, MODEL, CARD)


def test_unknown_model_is_refused() -> None:
    """A model that the card does not know has no cost, not even by prefix."""
    with pytest.raises(UnknownModel, match=r"'practice-model-9'.*it knows practice-1"):
        cost(Usage(), "practice-model-9", CARD)


def test_a_call_before_the_first_rate_is_refused() -> None:
    """A card does not reach back before its first effective day."""
    with pytest.raises(UnknownModel, match="first rate is from 2026-01-01"):
        cost(Usage(), MODEL, CARD, on=date(2025, 12, 31))


DATED = """
version = "two-prices"
[[rates]]
models = ["m"]
effective = 2026-01-01
input = 2
output = 6
[[rates]]
models = ["m"]
effective = 2026-07-01
input = 1.1
output = 6
max_input_tokens = 200
"""


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2026-01-01", "0.0002"), ("2026-06-30", "0.0002"), ("2026-07-01", "0.00011")],
)
def test_each_day_has_the_rate_then_in_force(day: str, expected: str) -> None:
    """A new entry changes nothing before its effective day."""
    card = RateCard.from_toml(DATED)
    on = date.fromisoformat(day)

    assert D(expected) == cost(Usage(input_tokens=100), "m", card, on=on)


@pytest.mark.parametrize(
    ("usage", "batch", "said"),
    [
        (Usage(cache_read_tokens=7), False, "7 cache_read_tokens of 'm'.*no cache_read rate"),
        (Usage(), True, "no batch rates for 'm'"),
        (Usage(input_tokens=201), False, "201 input tokens; the rates of 'm' hold up to 200"),
    ],
)
def test_a_bucket_without_a_rate_is_refused(usage: Usage, batch: bool, said: str) -> None:
    """A used bucket, a batch or a long prompt that the card has no rate for is not free."""
    with pytest.raises(UnknownRate, match=said):
        cost(usage, "m", RateCard.from_toml(DATED), on=date(2026, 8, 1), batch=batch)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("input = nan", "rate input is NaN"),
        ("input = inf", "rate input is Infinity"),
        ("input = -1", "rate input is -1"),
        ("input = true", "rate input is a bool"),
        ('input = "2"', "rate input is a str"),
        ("", "KeyError|TypeError"),
        ("input = ", "not a rate card"),
    ],
)
def test_a_bad_card_is_refused_when_it_is_read(line: str, said: str) -> None:
    """A rate that is NaN, infinite, negative, missing or no number never reaches a bill."""
    with pytest.raises(BadRateCard, match=said):
        RateCard.from_toml(DATED.replace("input = 2", line))


def test_a_float_rate_is_refused() -> None:
    """0.1 as a float is not one tenth, so a card does not take it."""
    with pytest.raises(BadRateCard, match=r"the float 0.1"):
        Rates(0.1, D(6))  # type: ignore[arg-type]


def test_two_rates_for_one_day_are_refused() -> None:
    """Which of two entries for a day is right cannot be guessed."""
    with pytest.raises(BadRateCard, match=r"two entries for 'm' from 2026-01-01"):
        RateCard.from_toml(DATED.replace("2026-07-01", "2026-01-01"))


def test_an_effective_day_is_a_day() -> None:
    """Text in place of a day would sort wrongly, so it is refused."""
    with pytest.raises(BadRateCard, match="wanted a day"):
        RateCard.from_toml(DATED.replace("2026-07-01", '"July"'))


def test_the_stamp_follows_the_content_and_not_the_spelling() -> None:
    """A record's stamp changes with any rate, and not when 2 is written 2.0."""
    stamp = RateCard.from_toml(DATED).stamp

    assert stamp.startswith("two-prices@sha256:")
    assert stamp == RateCard.from_toml(DATED.replace("input = 2", "input = 2.0")).stamp
    assert stamp != RateCard.from_toml(DATED.replace("input = 2", "input = 3")).stamp


def test_every_cost_error_is_one_of_ours() -> None:
    """One except clause catches whatever a cost can refuse."""
    for error in (MissingUsage, BadUsage, BadRateCard, UnknownModel, UnknownRate):
        assert issubclass(error, CostError)
        assert issubclass(error, LabkitError)


counts = st.integers(min_value=0, max_value=10**9)


@given(uncached=counts, read=counts, written=counts, out=counts)
def test_both_conventions_give_one_bill(uncached: int, read: int, written: int, out: int) -> None:
    """The same traffic told in either provider's convention costs the same."""
    openai = {
        "prompt_tokens": uncached + read + written,
        "completion_tokens": out,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
    }
    anthropic = {
        "input_tokens": uncached,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "output_tokens": out,
    }

    one, other = Usage.from_openai(openai), Usage.from_anthropic(anthropic)
    assert one == other
    # Integers alone, in tenths of a millionth of a dollar.
    tenths = uncached * 20 + read * 2 + written * 25 + out * 60
    assert D(tenths).scaleb(-7) == cost(one, MODEL, CARD)


@given(cents=st.integers(min_value=0, max_value=10**9))
def test_money_reads_back(cents: int) -> None:
    """Formatting drops no digit: the text reads back as the amount."""
    amount = D(cents).scaleb(-6)

    assert amount == D(money(amount).lstrip("$").replace(",", ""))


def test_rates_can_be_built_in_code() -> None:
    """A card needs no file: entries are plain frozen values."""
    card = RateCard("mine", (DatedRates(("m",), date(2026, 1, 1), Rates(D(1), D(2))),))

    assert D("0.000003") == cost(Usage(input_tokens=1, output_tokens=1), "m", card)
