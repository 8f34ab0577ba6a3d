"""sleeps-past-the-end: the provider asked for this wait, so it is kept."""

# ruff: noqa: F821 - the exercise defines what this uses


def call(send, *, seconds: float, attempt_s: float, delays: list[float], clock, sleep) -> dict:
    """Attempts and waits that end together, by one deadline."""
    deadline = Deadline(seconds, clock)
    for delay in [*delays, None]:
        if send(min(attempt_s, deadline.remaining())):
            return ANSWERED
        if delay is None and deadline.expired():
            return TIMED_OUT
        if delay is not None:
            sleep(delay)
    return FAILED
