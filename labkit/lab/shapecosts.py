"""What one workload costs in each shape, and from how many uses on a cached prefix pays.

"Streaming is cheaper" and "a cache always saves" are believed until they are multiplied out:

    shape_costs(Prompts(50_000, prefix=1_600, own=400, out=80), card)
    break_even(1_600, card)      # uses of one prefix before it is forgotten: cost with and without a cache
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from labkit.costs import RateCard, bill, money
from labkit.lab.present import Table
from labkit.usage import Usage

MODEL = "practice-1"
NO_CACHE, FIVE_MINUTES, ONE_HOUR = "no cache", "kept for 5 minutes", "kept for 1 hour"


@dataclass(frozen=True, slots=True)
class Prompts:
    """Many calls with one prefix: how many, and the tokens of the prefix, of the rest, and of the answer."""

    records: int
    prefix: int
    own: int
    out: int


def shape_costs(prompts: Prompts, card: RateCard) -> dict[str, Decimal]:
    """The cost of the whole workload in each shape, in the card's currency."""
    full = Usage(input_tokens=prompts.prefix + prompts.own, output_tokens=prompts.out)
    hit = Usage(input_tokens=prompts.own, cache_read_tokens=prompts.prefix, output_tokens=prompts.out)
    first = Usage(input_tokens=prompts.own, cache_write_tokens=prompts.prefix, output_tokens=prompts.out)
    each, batched = _cost(full, card), _cost(full, card, batch=True)
    cached = _cost(first, card) + _cost(hit, card) * (prompts.records - 1)
    return {
        "sync": each * prompts.records,
        "stream": each * prompts.records,
        "background": each * prompts.records,
        "batch": batched * prompts.records,
        "cached": cached,
    }


def _cost(usage: Usage, card: RateCard, *, batch: bool = False) -> Decimal:
    return sum(bill(usage, MODEL, card, batch=batch).values(), Decimal(0))


def costs_table(costs: dict[str, Decimal]) -> Table:
    """`shape_costs` as a table."""
    full = costs["sync"]
    rows = [
        {"shape": shape, "cost": money(cost.quantize(Decimal("0.01"))), "against sync": f"{cost / full:.0%}"}
        for shape, cost in costs.items()
    ]
    return Table(rows, "One workload, five shapes")


def break_even(prefix: int, card: RateCard, most: int = 10) -> dict[str, list[Decimal]]:
    """What the prefix alone costs in 1 to `most` uses: without a cache, kept for 5 minutes, for an hour."""
    plain = _cost(Usage(input_tokens=prefix), card)
    read = _cost(Usage(cache_read_tokens=prefix), card)
    short = _cost(Usage(cache_write_tokens=prefix), card)
    long = _cost(Usage(cache_write_1h_tokens=prefix), card)
    uses = range(1, most + 1)
    return {
        NO_CACHE: [plain * n for n in uses],
        FIVE_MINUTES: [short + read * (n - 1) for n in uses],
        ONE_HOUR: [long + read * (n - 1) for n in uses],
    }


def pays_from(costs: dict[str, list[Decimal]], kept: str) -> int | None:
    """The number of uses from which a cached prefix is cheaper than an uncached one."""
    for uses, (plain, cached) in enumerate(zip(costs[NO_CACHE], costs[kept], strict=True), 1):
        if cached < plain:
            return uses
    return None


def break_even_table(costs: dict[str, list[Decimal]], *, at: tuple[int, ...] = (1, 2, 3, 5, 10)) -> Table:
    """Some points of the plot, in thousandths of a dollar."""
    rows: list[dict[str, Any]] = [
        {"uses": uses, **{name: f"{line[uses - 1] * 1000:.2f}" for name, line in costs.items()}}
        for uses in at
    ]
    return Table(rows, "The prefix alone, in thousandths of a dollar")
