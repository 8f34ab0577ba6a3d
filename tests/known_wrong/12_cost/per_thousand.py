"""per-thousand: rates are read as dollars for a thousand tokens, as old price lists had them."""


def price(buckets, model, card):
    if model not in card:
        raise ValueError(f"no rate for {model}")
    return sum((Decimal(card[model][name]) * count for name, count in buckets.items()), Decimal(0)) / 1000  # noqa: F821 - imported by the exercise
