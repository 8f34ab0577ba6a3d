"""waits-up-to-the-end: the wait is compared with what is left, and may be as long."""

# ruff: noqa: F821 - the exercise defines what this uses


def call(send, *, seconds: float, attempt_s: float, delays: list[float], clock, sleep) -> dict:
    """Attempts and waits that end together, by one deadline."""
    deadline = Deadline(seconds, clock)
    for delay in [*delays, None]:
        if send(min(attempt_s, deadline.remaining())):
            return ANSWERED
        if deadline.expired():
            return TIMED_OUT
        if delay is not None:
            if delay > deadline.remaining():
                return TIMED_OUT
            sleep(delay)
            if deadline.expired():
                return TIMED_OUT
    return FAILED
