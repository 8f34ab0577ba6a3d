"""no-cap: exponential means exponential, and nobody will retry that often."""


def ceiling(n, base, cap):
    return base * 2 ** (n - 1)
