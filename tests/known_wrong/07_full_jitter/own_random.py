"""chance-of-your-own: `random.uniform` is at hand, and the argument looks like decoration."""

from random import uniform


def full_jitter(n, base, cap, random):
    return uniform(0, ceiling(n, base, cap))  # noqa: F821 - defined by the exercise
