"""What a call cost: token buckets times a dated rate card, in exact decimals.

Without it an unknown model costs nothing, a call whose usage was lost costs nothing, last
year's calls are priced at today's rates, and a float drifts with every addition.

    usage = Usage.from_openai({"prompt_tokens": 250, "completion_tokens": 80})
    cost(usage, "practice-1", RateCard.illustrative())      # Decimal("0.00098")

Counts are tokens, rates are currency units per million tokens. Every problem is a `CostError`.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from labkit.usage import BadUsage, CostError, MissingUsage, Usage

__all__ = [
    "BadRateCard",
    "BadUsage",
    "CostError",
    "DatedRates",
    "MissingUsage",
    "RateCard",
    "Rates",
    "UnknownModel",
    "UnknownRate",
    "Usage",
    "bill",
    "cost",
    "money",
]


class BadRateCard(CostError):
    """A card with a float, a NaN, a negative rate or two entries for one day."""


class UnknownModel(CostError):
    """The card has no rate for this model on this day."""


class UnknownRate(CostError):
    """The card knows the model but has no rate for a bucket that was used."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices per million tokens. None means that the card has no such rate: using it is refused.

    `max_input_tokens`, when set, is the longest prompt that these rates hold for; providers
    charge more beyond it, so a longer one is refused instead of priced too low.
    """

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    max_input_tokens: int | None = None

    def __post_init__(self) -> None:
        for name in ("input", "output", "cache_read", "cache_write", "cache_write_1h"):
            value = getattr(self, name)
            if value is not None or name in ("input", "output"):
                object.__setattr__(self, name, _rate(value, name))

    def times(self, factor: Decimal) -> Rates:
        """These rates at a discount: `times(Decimal("0.5"))` halves every one."""
        prices = {
            f.name: getattr(self, f.name) * factor
            for f in fields(self)
            if isinstance(getattr(self, f.name), Decimal)
        }
        return replace(self, **prices)


@dataclass(frozen=True, slots=True)
class DatedRates:
    """What some models cost from a day on (UTC), and in a batch if they may be batched."""

    models: tuple[str, ...]
    effective: date
    rates: Rates
    batch: Rates | None = None

    def __post_init__(self) -> None:
        if type(self.effective) is not date:
            raise BadRateCard(f"effective is {self.effective!r}; wanted a day such as 2026-01-01")


@dataclass(frozen=True)
class RateCard:
    """Rates apart from the calculation: versioned, dated, hashed.

    `stamp` (version and hash) goes into each record, so that a bill can be traced to its card.
    """

    version: str
    entries: tuple[DatedRates, ...]
    currency: str = "USD"

    def __post_init__(self) -> None:
        days = [(model, e.effective) for e in self.entries for model in e.models]
        doubled = sorted({day for day in days if days.count(day) > 1})
        if doubled:
            model, day = doubled[0]
            raise BadRateCard(f"two entries for {model!r} from {day}; keep one")

    @classmethod
    def illustrative(cls) -> RateCard:
        """The lesson's card, `rates.toml`: $2 in and $6 out. No provider's price list."""
        return cls.from_toml(Path(__file__).with_name("rates.toml").read_text("utf-8"))

    @classmethod
    def from_toml(cls, text: str) -> RateCard:
        """Read a card from TOML; its numbers become exact decimals, never floats."""
        try:
            data = tomllib.loads(text, parse_float=Decimal)
            entries = tuple(_entry(table) for table in data["rates"])
            return cls(str(data["version"]), entries, str(data.get("currency", "USD")))
        except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise BadRateCard(
                f"not a rate card ({type(error).__name__}: {error}); wanted version and "
                "[[rates]] tables with models, effective, input and output"
            ) from None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the card's content, first 12 hex digits; 2 and 2.0 are the same rate."""
        plain = json.dumps([self.version, self.currency, [_plain(e) for e in self.entries]], sort_keys=True)
        return hashlib.sha256(plain.encode()).hexdigest()[:12]

    @cached_property
    def stamp(self) -> str:
        """What a record keeps: `illustrative-2026-01@sha256:…`."""
        return f"{self.version}@sha256:{self.digest}"

    def rates(self, model: str, *, on: date | None = None, batch: bool = False) -> Rates:
        """The rates in force for `model` on a day (UTC, default today)."""
        day = on or datetime.now(UTC).date()
        dated = [e for e in self.entries if model in e.models]
        in_force = [e for e in dated if e.effective <= day]
        if not in_force:
            first = (
                f"its first rate is from {min(e.effective for e in dated)}"
                if dated
                else ("it knows " + (", ".join(sorted({m for e in self.entries for m in e.models}))))
            )
            raise UnknownModel(
                f"card {self.version} has no rate for {model!r} on {day}: {first}; "
                "add an entry to the card, never a guess"
            )
        entry = max(in_force, key=lambda e: e.effective)
        if not batch:
            return entry.rates
        if entry.batch is None:
            raise UnknownRate(f"card {self.version} has no batch rates for {model!r}; add them")
        return entry.batch


def bill(
    usage: Usage | None, model: str, card: RateCard, *, on: date | None = None, batch: bool = False
) -> dict[str, Decimal]:
    """The cost of each bucket that was used: `{"input": Decimal("0.0005"), …}`."""
    if usage is None:
        raise MissingUsage("the usage of this call is unknown (None); report it as unknown, not 0")
    rates = card.rates(model, on=on, batch=batch)
    limit = rates.max_input_tokens
    if limit is not None and usage.total_input_tokens > limit:
        raise UnknownRate(
            f"{usage.total_input_tokens} input tokens; the rates of {model!r} hold up to {limit}"
        )
    lines: dict[str, Decimal] = {}
    for bucket, rate_name in _PRICED:
        tokens = getattr(usage, bucket)
        if tokens:
            rate = getattr(rates, rate_name)
            if rate is None:
                raise UnknownRate(
                    f"{tokens} {bucket} of {model!r}, but card {card.version} has no {rate_name} rate; add it"
                )
            lines[rate_name] = (rate * tokens).scaleb(-6)
    return lines


def cost(
    usage: Usage | None, model: str, card: RateCard, *, on: date | None = None, batch: bool = False
) -> Decimal:
    """The exact cost of a call in the card's currency; see `bill` for its parts."""
    return sum(bill(usage, model, card, on=on, batch=batch).values(), Decimal(0))


def money(amount: Decimal) -> str:
    """Dollars with every digit that counts: `$0.00098`, `$9.80`, `$3,577`."""
    whole = amount == amount.to_integral_value()
    text = f"{amount.normalize():,f}" if not whole else f"{amount:,.0f}"
    cents = text.partition(".")[2]
    return f"${text}" + "0" * (2 - len(cents) if cents else 0)


_PRICED = (
    ("input_tokens", "input"),
    ("cache_read_tokens", "cache_read"),
    ("cache_write_tokens", "cache_write"),
    ("cache_write_1h_tokens", "cache_write_1h"),
    ("output_tokens", "output"),
)


def _rate(value: object, name: str) -> Decimal:
    if isinstance(value, float):
        raise BadRateCard(f"rate {name} is the float {value}; write it as Decimal('…')")
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise BadRateCard(f"rate {name} is a {type(value).__name__}; wanted a Decimal")
    rate = Decimal(value)
    if not rate.is_finite() or rate < 0:
        raise BadRateCard(f"rate {name} is {rate}; wanted 0 or more per million tokens")
    return rate


def _entry(table: Mapping[str, Any]) -> DatedRates:
    names = [f.name for f in fields(Rates)]
    standard = Rates(**{name: table[name] for name in names if name in table})
    batch = None
    if "batch_factor" in table:
        factor = _rate(table["batch_factor"], "batch_factor")
        batch = replace(standard.times(factor), **table.get("batch", {}))
    return DatedRates(tuple(table["models"]), table["effective"], standard, batch)


def _plain(entry: DatedRates) -> list[object]:
    def numbers(rates: Rates | None) -> list[str] | None:
        if rates is None:
            return None
        return [f"{f.name}={_canonical(getattr(rates, f.name))}" for f in fields(rates)]

    return [list(entry.models), str(entry.effective), numbers(entry.rates), numbers(entry.batch)]


def _canonical(value: Decimal | int | None) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
