"""less-than-nothing: the difference is given as it is, below zero too."""


class Deadline:
    """A point in time after which nothing of a call goes on."""

    def __init__(self, seconds: float, clock) -> None:
        self.clock = clock
        self.end = clock() + seconds

    def remaining(self) -> float:
        return self.end - self.clock()

    def expired(self) -> bool:
        return self.remaining() <= 0.0

    def fits(self, delay: float) -> bool:
        return delay < self.remaining()
