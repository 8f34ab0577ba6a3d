"""Exercise 12: from token counts to a bill."""

from decimal import Decimal
from typing import Any

from labkit.lab.grading.observe import Code


def money(value: Any) -> Any:
    """An amount as its type and its digits: 0.50 and 0.5 are one amount, a float is not a Decimal."""
    text = format(value.normalize(), "f") if type(value) is Decimal else str(value)
    return [type(value).__name__, text]


def pair(value: Any) -> Any:
    """Two things, if that is what came."""
    return list(value) if type(value) in (tuple, list) and len(value) == 2 else [value, "not two values"]


def buckets(code: Code, case: Any) -> Any:
    """The buckets of one provider's usage."""
    read = code.from_openai if case["provider"] == "openai" else code.from_anthropic
    return read(case["usage"])


def price(code: Code, case: Any) -> Any:
    """What some tokens cost."""
    return money(code.price(case["buckets"], case["model"], case["card"]))


def call(code: Code, case: Any) -> Any:
    """The known cost of a call's attempts, and whether it is all."""

    def price_of(usage: Any) -> Decimal:
        return Decimal(case["prices"][str(usage["output"])])

    known, complete = pair(code.call_cost(case["attempts"], price_of))
    return [money(known), complete]


def year(code: Code, case: Any) -> Any:
    """A day and a year."""
    return [money(one) for one in pair(code.day_and_year(Decimal(case["one_call"]), case["calls_a_day"]))]


PROBES = {"buckets": buckets, "price": price, "call": call, "year": year}
