"""alive-at-the-end: the end itself is thought to be still inside."""


class Deadline:
    """A point in time after which nothing of a call goes on."""

    def __init__(self, seconds: float, clock) -> None:
        self.clock = clock
        self.end = clock() + seconds

    def remaining(self) -> float:
        return max(0.0, self.end - self.clock())

    def expired(self) -> bool:
        return self.clock() > self.end

    def fits(self, delay: float) -> bool:
        return delay < self.remaining()
