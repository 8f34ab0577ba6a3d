"""writing-is-free: a read costs less than the prefix, so a cache pays from the first call."""


def break_even(write_price, read_price):
    return 1 if read_price < 100 else None
