"""Actions happen once: claim, then the effect, then its record.

A timeout does not prove that nothing happened. Without this room a retry creates the rotation job again,
two workers both find "no job yet", and a worker killed between the effect and its record leaves no trace.
State what your downstream can promise, and give the action a key made from who and what it is about:

    once = Once(SQLiteLedger("actions.db"), Promise.DOWNSTREAM_HONOURS_KEY)
    key = action_key("create_rotation_job", "acct_10234", "P-7")  # create_rotation_job:acct_10234:P-7:v1
    once.run(key, {"account_id": "acct_10234"}, create_job)       # ("job_acct_10234_001", True), later False

Read on in this order: `rules`, `ledger`, `once` (the course of an action), `reconcile` (the doubtful ones),
then the stores `sqlite` (with `waiting` and `owners`) and `postgres`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.idempotency.ledger import (
    ClockWentBack,
    Ledger,
    LedgerCorrupt,
    LedgerError,
    LedgerFull,
    LedgerLocked,
    LedgerReadOnly,
    LedgerUnavailable,
)
from labkit.idempotency.once import AsyncOnce, Once
from labkit.idempotency.outcomes import (
    Acted,
    ActionError,
    ActionFailed,
    ActionInProgress,
    ClaimLost,
    KeyInvalid,
    NeedsReconcile,
    NotApplied,
    OnFailure,
    PayloadMismatch,
    action_key,
    fingerprint,
)
from labkit.idempotency.reconcile import Applied, Looked, reconcile, reconcile_async
from labkit.idempotency.rules import Claim, Promise, Row, State

if TYPE_CHECKING:
    from labkit.idempotency.postgres import PostgresLedger
    from labkit.idempotency.sqlite import SQLiteLedger

__all__ = [
    "Acted",
    "ActionError",
    "ActionFailed",
    "ActionInProgress",
    "Applied",
    "AsyncOnce",
    "Claim",
    "ClaimLost",
    "ClockWentBack",
    "KeyInvalid",
    "Ledger",
    "LedgerCorrupt",
    "LedgerError",
    "LedgerFull",
    "LedgerLocked",
    "LedgerReadOnly",
    "LedgerUnavailable",
    "Looked",
    "NeedsReconcile",
    "NotApplied",
    "OnFailure",
    "Once",
    "PayloadMismatch",
    "PostgresLedger",
    "Promise",
    "Row",
    "SQLiteLedger",
    "State",
    "action_key",
    "fingerprint",
    "reconcile",
    "reconcile_async",
]


def __getattr__(name: str) -> Any:
    """Load a store, and its database driver, when it is first asked for."""
    if name == "SQLiteLedger":
        from labkit.idempotency.sqlite import SQLiteLedger  # noqa: PLC0415 - sqlite3 loads only for those who use it

        return SQLiteLedger
    if name == "PostgresLedger":
        from labkit.idempotency.postgres import PostgresLedger  # noqa: PLC0415 - psycopg is an extra

        return PostgresLedger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
