"""timeout-per-attempt: each attempt gets its timeout, as clients have one for each request."""

# ruff: noqa: F821 - the exercise defines what this uses


def call(send, *, seconds: float, attempt_s: float, delays: list[float], clock, sleep) -> dict:
    """Attempts and waits that end together, by one deadline."""
    deadline = Deadline(seconds, clock)
    for delay in [*delays, None]:
        if send(attempt_s):
            return ANSWERED
        if deadline.expired():
            return TIMED_OUT
        if delay is not None:
            if not deadline.fits(delay):
                return TIMED_OUT
            sleep(delay)
    return FAILED
