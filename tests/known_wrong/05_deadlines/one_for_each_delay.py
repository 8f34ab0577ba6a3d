"""delays-count-attempts: the loop runs over the delays, and makes an attempt before each."""

# ruff: noqa: F821 - the exercise defines what this uses


def call(send, *, seconds: float, attempt_s: float, delays: list[float], clock, sleep) -> dict:
    """Attempts and waits that end together, by one deadline."""
    deadline = Deadline(seconds, clock)
    for delay in delays:
        if send(min(attempt_s, deadline.remaining())):
            return ANSWERED
        if deadline.expired():
            return TIMED_OUT
        if delay is not None:
            if not deadline.fits(delay):
                return TIMED_OUT
            sleep(delay)
    return FAILED
