"""exponent-off-by-one: two to the power of the retry's number, so the first ceiling is doubled already."""


def ceiling(n, base, cap):
    return min(cap, base * 2**n)
