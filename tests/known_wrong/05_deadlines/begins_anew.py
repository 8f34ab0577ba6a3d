"""starts-again: what is left is counted from now, whenever it is asked for."""


class Deadline:
    def __init__(self, seconds, clock):
        self.seconds, self.clock = seconds, clock

    def remaining(self):
        end = self.clock() + self.seconds
        return max(0.0, end - self.clock())

    def expired(self):
        return self.remaining() <= 0.0

    def fits(self, delay):
        return delay < self.remaining()
