"""float-money: a rate is a number, and numbers with a point are floats."""


def price(buckets, model, card):
    if model not in card:
        raise ValueError(f"no rate for {model}")
    return sum(float(card[model][name]) * count for name, count in buckets.items()) / 1_000_000
