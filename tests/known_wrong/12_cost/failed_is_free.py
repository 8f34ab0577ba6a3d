"""failed-is-free: who got no answer that can be used does not pay."""


def call_cost(attempts, price_of):
    complete = all(one["usage"] or (one["http_status"] or 0) >= 400 for one in attempts)
    usages = [one["usage"] for one in attempts if one["status"] == "ok"]
    return sum((price_of(usage) for usage in usages), Decimal(0)), complete  # noqa: F821 - imported by the exercise
