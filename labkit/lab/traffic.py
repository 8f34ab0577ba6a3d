"""A day's traffic, what it costs, and what each lever would save.

An estimate from one call's tokens forgets that some calls run twice, that a cached prefix costs a
tenth, and that what can wait costs half. Here each of these is one number to turn.

    now = Traffic(calls_a_day=10_000, input_tokens=250, output_tokens=80)
    sum(daily(now, card).values())       # Decimal("9.80")
    compare(now, card)                   # each lever alone, with what is left of the bill

Shares are per cent. Retries are billed attempts that had to be repeated: an answer that was refused by
your own checks, not a 503. Cache writes are left out: one write serves every read of the next minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from labkit.costs import RateCard, Rates, money
from labkit.lab.present import Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LEVERS", "Traffic", "as_table", "compare", "daily", "frame"]

DAYS = 365


@dataclass(frozen=True, slots=True)
class Traffic:
    """Calls of one kind: how many, how long, and what share is cached, repeated or batched."""

    calls_a_day: int
    input_tokens: int
    output_tokens: int
    cached: int = 0
    retried: int = 0
    batched: int = 0


def daily(traffic: Traffic, card: RateCard, model: str = "practice-1") -> dict[str, Decimal]:
    """The cost of a day by part: input, cache_read, output, and everything that was sent again."""
    batched = Decimal(traffic.batched) / 100
    now, later = (_call(traffic, card.rates(model, batch=batch)) for batch in (False, True))
    first = {part: traffic.calls_a_day * (now[part] * (1 - batched) + later[part] * batched) for part in now}
    again = sum(first.values(), Decimal(0)) * traffic.retried / 100
    return {**first, "retries": again}


def _call(traffic: Traffic, rates: Rates) -> dict[str, Decimal]:
    """One call by part, in the card's currency."""
    cached = Decimal(traffic.input_tokens) * traffic.cached / 100
    parts = {
        "input": (traffic.input_tokens - cached) * rates.input,
        "cache_read": cached * (rates.cache_read or rates.input),
        "output": traffic.output_tokens * rates.output,
    }
    return {part: cost.scaleb(-6) for part, cost in parts.items()}


#: What can be turned, each alone.
LEVERS: Mapping[str, Callable[[Traffic], Traffic]] = MappingProxyType(
    {
        "cache the stable 80% of the prompt": lambda now: replace(now, cached=80),
        "halve the output": lambda now: replace(now, output_tokens=now.output_tokens // 2),
        "no call sent twice": lambda now: replace(now, retried=0),
        "send half as a batch": lambda now: replace(now, batched=50),
    }
)


def compare(traffic: Traffic, card: RateCard) -> dict[str, Decimal]:
    """The cost of a year as it is, and with each lever alone."""
    cases = {"as it is": traffic, **{name: turn(traffic) for name, turn in LEVERS.items()}}
    return {name: sum(daily(case, card).values(), Decimal(0)) * DAYS for name, case in cases.items()}


def saved(costs: Mapping[str, Decimal]) -> Table:
    """`compare` as a table, the best lever first."""
    now, *_ = costs.values()
    rows = [
        {"case": name, "a year": money(cost.quantize(Decimal(1))), "saves": f"{(now - cost) / now:.1%}"}
        for name, cost in sorted(costs.items(), key=lambda item: (item[1] != now, item[1]))
    ]
    return Table(rows)


def as_table(traffic: Traffic, card: RateCard) -> Table:
    """What a call, a day and a year cost, and which part of it is what."""
    parts = daily(traffic, card)
    day = sum(parts.values(), Decimal(0))
    rows: list[dict[str, Any]] = [
        {"part": name.replace("_", " "), "a day": money(_short(cost)), "share": f"{cost / (day or 1):.0%}"}
        for name, cost in parts.items()
    ]
    each = day / (traffic.calls_a_day or 1)
    total = {"part": "all", "a day": money(_short(day)), "share": "100%"}
    return Table([*rows, total | {"a call": money(_short(each, 8)), "a year": money(_short(day * DAYS, 0))}])


def _short(amount: Decimal, digits: int = 2) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-digits)).normalize() + 0


def frame(cases: Mapping[str, Traffic], card: RateCard) -> pd.DataFrame:
    """Tidy, for `labkit.lab.figures.cost.bars`: one row for each case and part of its day."""
    import pandas as pd  # noqa: PLC0415 - half a second

    rows = [
        {"task": name, "bucket": part, "cost": cost}
        for name, traffic in cases.items()
        for part, cost in daily(traffic, card).items()
    ]
    return pd.DataFrame(rows)
