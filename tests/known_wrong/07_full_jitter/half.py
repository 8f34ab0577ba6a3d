"""a-little-jitter: half of the wait is fixed, so that nobody comes back too soon."""


def full_jitter(n, base, cap, random):
    top = ceiling(n, base, cap)  # noqa: F821 - defined by the exercise
    return top / 2 + random() * top / 2
