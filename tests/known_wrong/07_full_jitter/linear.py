"""linear-ceiling: each wait is one base longer than the one before, which seems to be growth enough."""


def ceiling(n, base, cap):
    return min(cap, base * n)
