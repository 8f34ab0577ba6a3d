"""Exercise 05: one deadline, a named state."""

from typing import Any

from labkit.lab.grading.fakes import FakeClock
from labkit.lab.grading.observe import Code

MOST_CALLS = 50  # what goes on and on is seen after so many


class TooMany(Exception):
    """The loop under test does not end."""


def deadline(code: Code, case: Any) -> Any:
    """What a deadline says in the end, having been asked now and then."""
    clock = FakeClock(case["starts_at"])
    made = code.Deadline(case["seconds"], clock)
    for passes in case["passes"]:
        made.remaining()
        clock.advance(passes)
    return {"left": made.remaining(), "expired": made.expired(), "fits": made.fits(case["delay"])}


def _loop(code: Code, case: Any) -> dict[str, Any]:
    """Make the call: the limits of the attempts, the waits, the end, and when it came."""
    clock = FakeClock(case["starts_at"])
    given: list[Any] = []

    def send(limit: Any) -> bool:
        given.append(limit)
        if len(given) > MOST_CALLS:
            raise TooMany
        takes, answers = case["attempts"][min(len(given), len(case["attempts"])) - 1]
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
    return {"limits": given, "waits": clock.slept, "ends": ends, "after_s": clock.now - case["starts_at"]}


def limits(code: Code, case: Any) -> Any:
    """What each attempt was given, and how it ended."""
    return _loop(code, case)


def waits(code: Code, case: Any) -> Any:
    """How many attempts were made, and what was waited for."""
    seen = _loop(code, case)
    return {"attempts": len(seen.pop("limits")), **seen}


def drip(code: Code, case: Any) -> Any:
    """The limits of the reads, the end, and when it came."""
    clock = FakeClock(case["starts_at"])
    given: list[Any] = []

    def read(limit: Any) -> str:
        given.append(limit)
        if len(given) > MOST_CALLS:
            raise TooMany
        takes, piece = case["pieces"][min(len(given), len(case["pieces"])) - 1]
        clock.advance(min(takes, limit))
        if takes > limit:
            raise TimeoutError
        return str(piece)

    ends = code.read_all(read, case["seconds"], clock)
    return {"limits": given, "ends": ends, "after_s": clock.now - case["starts_at"]}


def after(code: Code, case: Any) -> Any:
    """What is said after a timeout."""
    return code.after_timeout(list(case["events"]), case["acts"])


PROBES = {"deadline": deadline, "limits": limits, "waits": waits, "drip": drip, "after": after}
