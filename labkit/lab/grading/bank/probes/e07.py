"""Exercise 07: ceilings, full jitter, and a loop that waits."""

from typing import Any

from labkit.lab.grading.fakes import Draws, FakeClock, Script
from labkit.lab.grading.observe import Code


def ceiling(code: Code, case: Any) -> Any:
    """The longest wait before one retry."""
    return code.ceiling(case["n"], case["base"], case["cap"])


def full_jitter(code: Code, case: Any) -> Any:
    """One wait, with a random source that gives one number."""
    return code.full_jitter(case["n"], case["base"], case["cap"], Draws([case["random"]]))


def polite_wait(code: Code, case: Any) -> Any:
    """The wait after a provider's header."""
    return code.polite_wait(case["delay"], case["header"], case["now"])


def loop(code: Code, case: Any) -> Any:
    """How often the loop sends, what it records, how long it sleeps, and how it ends."""
    send = Script([code.Busy("not now") if reply == "busy" else reply for reply in case["replies"]])
    clock, records = FakeClock(), []
    try:
        end = code.call(
            send,
            lambda *record: records.append(record),
            case["max_retries"],
            base=case["base"],
            cap=case["cap"],
            sleep=clock.sleep,
            random=Draws(case["random"]),
        )
    except code.Busy:
        end = "Busy was raised"
    return {"sent": send.sent, "records": records, "slept": clock.slept, "end": end}


PROBES = {"ceiling": ceiling, "full_jitter": full_jitter, "polite_wait": polite_wait, "loop": loop}
