"""Real prices for a rate card, from the offline data of the `genai-prices` package.

Without it you copy prices by hand, from memory, and last year's. The package is optional
(`pip install "labkit[prices]"`) and nothing is fetched: its version is the card's version.

    card = genai_card([("openai", "gpt-4o-mini")], on=date(2026, 11, 1))
    cost(usage, "gpt-4o-mini", card)

What the package says is kept, not smoothed: a model without batch prices cannot be batched, and
where long prompts cost more, the card holds for the shorter ones and refuses the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from labkit.costs import BadRateCard, CostError, DatedRates, RateCard, Rates, UnknownModel

__all__ = ["genai_card"]

_RATES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
}


def genai_card(models: Iterable[tuple[str, str]], *, on: date | None = None) -> RateCard:
    """A card of (provider, model) pairs with the prices of one day (UTC, default today).

    Calls before that day are refused, as with any card.
    """
    try:
        import genai_prices  # noqa: PLC0415 - optional, and slow to import
    except ImportError:
        raise CostError(
            'genai-prices is not installed; pip install "labkit[prices]", or write the rates in a TOML card'
        ) from None
    day = on or datetime.now(UTC).date()
    entries = tuple(_entry(provider, model, day) for provider, model in models)
    return RateCard(f"genai-prices-{genai_prices.__version__}", entries)


def _entry(provider: str, model: str, day: date) -> DatedRates:
    from genai_prices import data_snapshot  # noqa: PLC0415
    from genai_prices.types import TimeOfDateConstraint  # noqa: PLC0415

    noon = datetime.combine(day, time(12), UTC)
    try:
        _, info = data_snapshot.get_snapshot().find_provider_model(model, None, provider, None)
    except LookupError:
        raise UnknownModel(
            f"genai-prices has no model {model!r} of {provider!r}; update it, or write a TOML card"
        ) from None
    conditions: list[Any] = [
        *(info.prices if isinstance(info.prices, list) else []),
        *(info.price_variants or []),
    ]
    if any(isinstance(c.constraint, TimeOfDateConstraint) for c in conditions):
        raise BadRateCard(f"the price of {model!r} changes with the hour; a dated card cannot hold it")
    in_batch = {"processing": "batch"}
    batched = any(
        variant.when == in_batch and (not variant.constraint or variant.constraint.active(noon))
        for variant in info.price_variants or ()
    )
    batch = _rates(info.get_prices(noon, in_batch), model) if batched else None
    return DatedRates((model,), day, _rates(info.get_prices(noon), model), batch)


def _rates(price: Any, model: str) -> Rates:
    found: dict[str, Decimal] = {}
    limits: list[int] = []
    for name, theirs in _RATES.items():
        value = getattr(price, theirs, None)
        if value is not None and not isinstance(value, Decimal):  # priced by length of prompt
            limits += [tier.start for tier in value.tiers]
            value = value.base
        if value is not None:
            found[name] = value
    if missing := {"input", "output"} - found.keys():
        raise BadRateCard(f"genai-prices has no {' and '.join(sorted(missing))} price for {model!r}")
    return Rates(**found, max_input_tokens=min(limits, default=None))
