"""cached-at-full-price: input is input, whether it was cached or not."""


def price(buckets, model, card):
    if model not in card:
        raise ValueError(f"no rate for {model}")
    rates = {**card[model], "cache_read": card[model]["input"]}
    return sum((Decimal(rates[name]) * count for name, count in buckets.items()), Decimal(0)) / 1_000_000  # noqa: F821 - imported by the exercise
