"""Exercise 05: one deadline, a named state."""

from typing import Any

from labkit.lab.grading.fakes import FakeClock
from labkit.lab.grading.observe import Code

MOST_CALLS = 50  # what goes on and on is seen after so many


class TooMany(Exception):
    """The loop under test does not end."""


def deadline(code: Code, case: Any) -> Any:
    """What a deadline says at several moments, and to several delays."""
    clock = FakeClock(case["starts_at"])
    made = code.Deadline(case["seconds"], clock)
    said = []
    for passes, delay in case["then"]:
        clock.advance(passes)
        said.append({"left": made.remaining(), "expired": made.expired(), "fits": made.fits(delay)})
    return said


def loop(code: Code, case: Any) -> Any:
    """The limits of the attempts, the waits, the end, and when it came."""
    clock = FakeClock(case["starts_at"])
    limits: list[Any] = []

    def send(limit: Any) -> bool:
        limits.append(limit)
        if len(limits) > MOST_CALLS:
            raise TooMany
        takes, answers = case["attempts"][min(len(limits), len(case["attempts"])) - 1]
        clock.advance(min(takes, limit))
        return bool(answers and takes <= limit)

    ends = code.call(
        send,
        seconds=case["seconds"],
        attempt_s=case["attempt_s"],
        delays=list(case["delays"]),
        clock=clock,
        sleep=clock.sleep,
    )
    return {"limits": limits, "waits": clock.slept, "ends": ends, "after_s": clock.now - case["starts_at"]}


def drip(code: Code, case: Any) -> Any:
    """The limits of the reads, the end, and when it came."""
    clock = FakeClock(case["starts_at"])
    limits: list[Any] = []

    def read(limit: Any) -> str:
        limits.append(limit)
        if len(limits) > MOST_CALLS:
            raise TooMany
        takes, piece = case["pieces"][min(len(limits), len(case["pieces"])) - 1]
        clock.advance(min(takes, limit))
        if takes > limit:
            raise TimeoutError
        return str(piece)

    ends = code.read_all(read, case["seconds"], clock)
    return {"limits": limits, "ends": ends, "after_s": clock.now - case["starts_at"]}


def after(code: Code, case: Any) -> Any:
    """What is said after a timeout."""
    return code.after_timeout(list(case["events"]), case["acts"])


PROBES = {"deadline": deadline, "limits": loop, "waits": loop, "drip": drip, "after": after}
