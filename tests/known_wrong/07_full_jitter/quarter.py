"""a-little-jitter: between 75% and 100% of the ceiling, as the SDKs do."""


def full_jitter(n, base, cap, random):
    return ceiling(n, base, cap) * (1 - 0.25 * random())  # noqa: F821 - defined by the exercise
