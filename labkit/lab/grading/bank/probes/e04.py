"""Exercise 04: two outputs of every call."""

import asyncio
import copy
from typing import Any

from labkit.lab.grading.fakes import FakeClock
from labkit.lab.grading.observe import Code

RAISED: dict[str, type[BaseException]] = {
    "TimeoutError": TimeoutError,
    "CancelledError": asyncio.CancelledError,
    "ConnectionError": ConnectionError,
    "ValueError": ValueError,
}


def reason(code: Code, case: Any) -> Any:
    """What is said against an answer."""
    return code.reason_against(copy.deepcopy(case["answer"]), case["line_id"], case["days"])


def tokens(code: Code, case: Any) -> Any:
    """What a reply is said to have used."""
    return code.tokens(copy.deepcopy(case["reply"]))


def _call(code: Code, case: Any) -> tuple[Any, list[Any]]:
    """Make the call: what the product got, and what was written."""
    clock = FakeClock()
    written: list[Any] = []

    def send(_question: str) -> Any:
        clock.advance(case["takes_s"])
        if "raises" in case:
            raise RAISED[case["raises"]](case.get("says", ""))
        return copy.deepcopy(case["reply"])

    call = code.call
    try:
        product = call(
            send,
            case["question"],
            line_id=case["line_id"],
            days=case["days"],
            clock=clock,
            write=lambda record: written.append(copy.deepcopy(record)),
        )
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - which exception it is, is what is asked
        product = {"raises": type(error).__name__}
    return product, written


def product(code: Code, case: Any) -> Any:
    """What the product gets."""
    return _call(code, case)[0]


def record(code: Code, case: Any) -> Any:
    """What was written: for each record, the fields that were asked for."""
    _, written = _call(code, case)
    return [{name: one.get(name, "missing") for name in case["fields"]} for one in written]


def private(code: Code, case: Any) -> Any:
    """Which fields were written, and whether the customer's words are among them."""
    _, written = _call(code, case)
    return [
        {"fields": sorted(one), "has the customer's words": case["words"] in repr(one)} for one in written
    ]


PROBES = {"reason": reason, "tokens": tokens, "product": product, "record": record, "private": private}
