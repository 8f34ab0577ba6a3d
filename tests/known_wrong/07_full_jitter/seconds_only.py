"""seconds-only: Retry-After is a number in every example that was seen so far."""


def polite_wait(delay, header, now):
    try:
        return max(delay, float(header))
    except (TypeError, ValueError):
        return delay
