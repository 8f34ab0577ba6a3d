"""input-only: the prompt is long and the answer short, so the answer is left out."""


def price(buckets, model, card):
    if model not in card:
        raise ValueError(f"no rate for {model}")
    return Decimal(card[model]["input"]) * buckets["input"] / 1_000_000  # noqa: F821 - imported by the exercise
