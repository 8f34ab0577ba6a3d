"""rounds-the-date-down: `int` makes whole seconds of a fraction, and it cuts."""

from email.utils import parsedate_to_datetime


def polite_wait(delay, header, now):
    if header is None:
        return delay
    if header.isdigit():
        return max(delay, float(header))
    try:
        return max(delay, int(parsedate_to_datetime(header).timestamp() - now))
    except ValueError:
        return delay
