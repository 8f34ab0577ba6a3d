"""unknown-model-is-free: a default keeps the report running when a model has no rate."""

from decimal import Decimal


def price(buckets, model, card):
    rates = card.get(model, {})
    amounts = [Decimal(rates.get(name, 0)) * count for name, count in buckets.items()]
    return sum(amounts, Decimal(0)) / 1_000_000
