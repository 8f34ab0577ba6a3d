"""header-replaces-the-delay: the provider knows best, so its number is the wait."""

from email.utils import parsedate_to_datetime
from math import ceil


def polite_wait(delay, header, now):
    if header is None:
        return delay
    if header.isdigit():
        return float(header)
    try:
        return float(max(0, ceil(parsedate_to_datetime(header).timestamp() - now)))
    except ValueError:
        return delay
