"""shorter-than-asked: an own backoff is in place, so the header is not needed."""


def polite_wait(delay, header, now):
    return delay
