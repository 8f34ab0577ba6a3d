"""writing-is-extra: the write comes on top, and every call reads."""


def break_even(write_price, read_price):
    for calls in range(1, 2000):
        if write_price + calls * read_price < 100 * calls:
            return calls
    return None
