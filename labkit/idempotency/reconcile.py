"""Settle the actions that nobody is sure about, by looking downstream.

When a worker dies between the effect and its record, two guesses are possible and both are wrong:
"it happened" loses actions, "it did not" repeats them. And *not there yet* is no proof either,
while the old attempt can still land. So look first, and give a key back only when nothing can land any more:

    for key, what in reconcile(once, lookup):   # lookup(row) -> Applied(result) | NOT_APPLIED | UNKNOWN
        print(key, what)                        # "done", "free", or why it was left alone
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, cast

from labkit.idempotency.ledger import Ledger
from labkit.idempotency.once import AsyncOnce, Call, Flow, Once, Rules, Store
from labkit.idempotency.outcomes import to_json
from labkit.idempotency.owners import owner_is_gone
from labkit.idempotency.rules import Promise, Row, State


@dataclass(frozen=True, slots=True)
class Applied:
    """A lookup found the effect, with this result."""

    result: Any


class Looked(StrEnum):
    """A lookup found no effect, or could not tell."""

    NOT_APPLIED = "not_applied"
    UNKNOWN = "unknown"


Finding = Applied | Looked
Report = list[tuple[str, str]]
CanStillLand = Callable[[Row, float, float], bool]


def may_still_land(row: Row, now: float, settle_s: float) -> bool:
    """Say whether an old attempt could still reach the downstream, as far as this machine knows.

    An attempt that gave up itself sends nothing more. One whose lease just ended may only be paused: unless
    its process is known to be gone, it can wake up and send. Either way a sent request needs time to land.
    """
    paused = row.error == "lease_ended" and not owner_is_gone(row.owner)
    return paused or now < row.updated_at + settle_s


def reconcile(
    once: Once, lookup: Callable[[Row], Finding], *, can_still_land: CanStillLand = may_still_land
) -> Report:
    """Look at every doubtful action; return each key with "done", "free", or the reason it was left.

    For owners on other hosts this machine never knows, so pass a `can_still_land` that does.
    """
    return cast(Report, once.drive(reconcile_flow(once.ledger, once.rules, lookup, can_still_land)))


async def reconcile_async(
    once: AsyncOnce,
    lookup: Callable[[Row], Awaitable[Finding]],
    *,
    can_still_land: CanStillLand = may_still_land,
) -> Report:
    """As `reconcile`, with a lookup that is awaited."""
    return cast(Report, await once.drive(reconcile_flow(once.ledger, once.rules, lookup, can_still_land)))


def reconcile_flow(
    ledger: Ledger, rules: Rules, lookup: Callable[[Row], Any], can_still_land: CanStillLand
) -> Flow:
    """Park what outlived its lease, look at each parked row, and settle it."""
    report: Report = []
    for row in (yield Store(partial(_doubtful_rows, ledger))):
        try:
            found = yield Call(partial(lookup, row))
        except Exception as error:  # noqa: BLE001 - a failed lookup says nothing of this action; others follow
            report.append((row.key, f"left: lookup raised {type(error).__name__}"))
            continue
        report.append((row.key, (yield Store(partial(_settle, ledger, rules, row, found, can_still_land)))))
    return report


def _doubtful_rows(ledger: Ledger) -> list[Row]:
    # The other promises need no look: their transaction rolled back, or the same key may be sent again.
    now = ledger.now()
    for row in ledger.rows(open_only=True):
        if (
            row.promise == Promise.PLAIN_DOWNSTREAM
            and row.state == State.IN_PROGRESS
            and now >= row.lease_until
        ):
            ledger.park(row, now)
    return [row for row in ledger.rows(open_only=True) if row.state == State.NEEDS_RECONCILE]


def _settle(ledger: Ledger, rules: Rules, row: Row, found: Finding, can_still_land: CanStillLand) -> str:
    if isinstance(found, Applied):
        text = to_json(found.result, "the result that was looked up")
        return (
            "done" if ledger.finish(row, State.DONE, text, keep_s=rules.keep_s) else "left: settled meanwhile"
        )
    if found is Looked.UNKNOWN:
        return "left: the lookup cannot tell"
    if can_still_land(row, ledger.now(), rules.settle_s):
        return "left: the old attempt may still land"
    return "free" if ledger.release(row) else "left: settled meanwhile"
