"""shorter-than-asked: no wait may be above a minute, whatever the provider says."""

from email.utils import parsedate_to_datetime
from math import ceil


def polite_wait(delay, header, now):
    if header is None:
        return delay
    if header.isdigit():
        return max(delay, min(60.0, float(header)))
    try:
        return max(delay, float(ceil(parsedate_to_datetime(header).timestamp() - now)))
    except ValueError:
        return delay
