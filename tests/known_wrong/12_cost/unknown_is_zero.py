"""unknown-is-zero: no usage means that nothing was used."""


def call_cost(attempts, price_of):
    usages = [one["usage"] for one in attempts if one["usage"]]
    return sum((price_of(usage) for usage in usages), Decimal(0)), True  # noqa: F821 - imported by the exercise
