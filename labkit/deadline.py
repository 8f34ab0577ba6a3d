"""One absolute deadline, shared out to every attempt and every wait.

Without it, each attempt gets its own timeout and nobody owns the sum: three tries of ten seconds
with two waits between them keep a person waiting for more than half a minute, and a server that
drips one byte at a time never times out at all.

    deadline = Deadline.after(20.0)
    deadline.remaining()        # seconds left, never below 0
    deadline.fits(delay)        # is there room to wait and still try again?
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], float]  # seconds from a fixed, arbitrary start; never goes back


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time, in seconds on `clock`, after which nothing of this call may go on."""

    at: float
    clock: Clock = field(default=time.monotonic, repr=False)

    @classmethod
    def after(cls, seconds: float, clock: Clock = time.monotonic) -> Deadline:
        """Set a deadline `seconds` from now."""
        return cls(clock() + seconds, clock)

    def remaining(self) -> float:
        """Seconds left, 0.0 once it has passed."""
        return max(0.0, self.at - self.clock())

    @property
    def expired(self) -> bool:
        """Whether the time is up."""
        return self.clock() >= self.at

    def fits(self, delay: float) -> bool:
        """Whether a wait of `delay` seconds ends before the deadline."""
        return delay < self.remaining()


@dataclass(frozen=True, slots=True)
class Phases:
    """Upper limits, in seconds, for the parts of one attempt. Each is cut to what the deadline leaves.

    They find a dead peer early; they do not add up to a deadline and are no substitute for one.
    `attempt` limits a whole attempt, so that a first try that hangs leaves time for a second;
    None gives an attempt all that is left.
    """

    connect: float = 5.0
    write: float = 10.0
    read: float = 60.0
    attempt: float | None = None

    def limit(self, remaining: float) -> float:
        """Seconds for the next attempt, when `remaining` are left of the call."""
        return remaining if self.attempt is None else min(self.attempt, remaining)


@dataclass(frozen=True, slots=True)
class Moment:
    """A product moment and the time that it can bear."""

    timeout_seconds: float
    max_retries: int
    why: str


# Sources: lesson 05; the figures are this kit's defaults, to be replaced by your own measurements.
MOMENTS = {
    "autocomplete": Moment(0.8, 0, "The next keystroke makes the answer worthless: fail quietly."),
    "chat_reply": Moment(20.0, 2, "A person watches: keep it short, and stream if the answer is long."),
    "document_summary": Moment(90.0, 2, "A person waits if they see progress; past this, make it a job."),
    "batch_enrichment": Moment(
        600.0, 6, "Nobody watches: retry patiently in the background, from checkpoints."
    ),
}
