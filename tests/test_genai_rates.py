"""Real prices come from the optional package as they are, dated and versioned."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from labkit.costs import UnknownModel, UnknownRate, cost
from labkit.genai_rates import genai_card
from labkit.usage import Usage

genai_prices = pytest.importorskip("genai_prices")

DAY = date(2026, 11, 1)
USAGE = Usage(input_tokens=900, cache_read_tokens=100, output_tokens=80)


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "gpt-4o-mini"), ("openai", "gpt-5"), ("anthropic", "claude-sonnet-4-5")],
)
def test_a_call_costs_what_the_package_says(provider: str, model: str) -> None:
    """Our bill over its rates equals its own calculation, whose input count includes the cache."""
    theirs = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=1000, cache_read_tokens=100, output_tokens=80),
        model,
        provider_id=provider,
        genai_request_timestamp=datetime(2026, 11, 1, 12, tzinfo=UTC),
    )

    assert cost(USAGE, model, genai_card([(provider, model)], on=DAY), on=DAY) == theirs.total_price


def test_a_batched_cached_read_is_not_always_half() -> None:
    """The package halves gpt-4o-mini's input in a batch and leaves its cached read alone."""
    card = genai_card([("openai", "gpt-4o-mini")], on=DAY)
    standard, batch = (card.rates("gpt-4o-mini", on=DAY, batch=batched) for batched in (False, True))

    assert batch.input == standard.input / 2
    assert batch.cache_read == standard.cache_read


def test_the_card_names_the_package_version() -> None:
    """A record priced from the package can be traced to the release that held the prices."""
    card = genai_card([("openai", "gpt-4o-mini")], on=DAY)

    assert card.version == f"genai-prices-{genai_prices.__version__}"


def test_an_unknown_model_is_refused() -> None:
    """A model that the package does not know has no rate."""
    with pytest.raises(UnknownModel, match="'no-such-model' of 'openai'"):
        genai_card([("openai", "no-such-model")])


def test_a_prompt_beyond_the_first_tier_is_refused() -> None:
    """Where long prompts cost more, the cheaper rate is not applied to them."""
    card = genai_card([("anthropic", "claude-sonnet-4-5")], on=DAY)

    with pytest.raises(UnknownRate, match="hold up to 200000"):
        cost(Usage(input_tokens=200_001), "claude-sonnet-4-5", card, on=DAY)


def test_a_model_without_batch_prices_cannot_be_batched() -> None:
    """No batch price in the package means no batch rate in the card, never a guessed half."""
    card = genai_card([("anthropic", "claude-3-5-haiku-latest")], on=DAY)

    with pytest.raises(UnknownRate, match="no batch rates"):
        card.rates("claude-3-5-haiku-latest", on=DAY, batch=True)


def test_decimal_stays_decimal() -> None:
    """No float slips in from the package."""
    rates = genai_card([("openai", "gpt-5")], on=DAY).rates("gpt-5", on=DAY)

    assert isinstance(rates.input, Decimal)
    assert isinstance(rates.cache_read, Decimal)
