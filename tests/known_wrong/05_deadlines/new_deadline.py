"""fresh-deadline-each-try: the deadline is made where the attempt is made, in the loop."""

# ruff: noqa: F821 - the exercise defines what this uses


def call(send, *, seconds, attempt_s, delays, clock, sleep):
    for delay in [*delays, None]:
        deadline = Deadline(seconds, clock)
        if send(min(attempt_s, deadline.remaining())):
            return ANSWERED
        if deadline.expired() or (delay is not None and not deadline.fits(delay)):
            return TIMED_OUT
        if delay is not None:
            sleep(delay)
    return FAILED
