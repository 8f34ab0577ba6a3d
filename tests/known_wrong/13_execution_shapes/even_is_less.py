"""even-is-less: the cache pays as soon as it costs no more."""


def break_even(write_price, read_price):
    for calls in range(1, 2000):
        if write_price + (calls - 1) * read_price <= 100 * calls:
            return calls
    return None
