"""cap-after-jitter: the cap is a safety net, so it comes last."""


def full_jitter(n, base, cap, random):
    return min(cap, random() * base * 2 ** (n - 1))
