"""errors-are-unknown: only usage can say what was billed, so an error response leaves it open."""


def call_cost(attempts, price_of):
    usages = [one["usage"] for one in attempts if one["usage"]]
    known = sum((price_of(usage) for usage in usages), Decimal(0))  # noqa: F821 - imported by the exercise
    return known, len(usages) == len(attempts)
