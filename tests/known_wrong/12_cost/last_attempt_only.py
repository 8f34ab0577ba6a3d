"""last-attempt-only: the answer that was used is the one that was paid."""


def call_cost(attempts, price_of):
    complete = all(one["usage"] or (one["http_status"] or 0) >= 400 for one in attempts)
    usages = [one["usage"] for one in attempts[-1:] if one["usage"]]
    return sum((price_of(usage) for usage in usages), Decimal(0)), complete  # noqa: F821 - imported by the exercise
