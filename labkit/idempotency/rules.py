"""The rules of a claim, with no database in sight.

Left to each store, such rules drift: one re-runs an ended lease, another forgets to compare the payload.
So one pure function reads a row, the ask and the time, and says what the caller may do:

    decide(row, ask, now)   # Next.ANSWER from the row, Next.TAKE it over, or Next.PARK it for a look

What an action may promise depends on its downstream; the caller says which by name (`Promise`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Promise(StrEnum):
    """What the design can promise. It depends on the downstream, so the caller states it by name."""

    SAME_TRANSACTION = "same_transaction"
    """The effect is a write in the ledger's own database. It happens exactly once."""
    DOWNSTREAM_HONOURS_KEY = "downstream_honours_key"
    """The service deduplicates on our key. One applied effect; an ended lease may be taken over."""
    PLAIN_DOWNSTREAM = "plain_downstream"
    """The service knows no keys. At most one effect; an ended lease needs a look downstream first."""


class State(StrEnum):
    """Where an action stands. `FREE`: certainly not applied, so the next claim may try."""

    IN_PROGRESS = "in_progress"
    DONE = "done"
    FAILED = "failed"
    FREE = "free"
    NEEDS_RECONCILE = "needs_reconcile"


@dataclass(frozen=True, slots=True)
class Row:
    """One action as the ledger knows it. Times are seconds since 1970; `result` is JSON text."""

    key: str
    fingerprint: str
    promise: str
    state: str
    fence: int
    owner: str
    lease_until: float
    result: str | None
    error: str | None
    created_at: float
    updated_at: float
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class Ask:
    """What a caller brings to a claim. `lease_s`: how long the effect may take before others step in."""

    key: str
    fingerprint: str
    promise: Promise
    lease_s: float


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to act on a key, until the lease ends. `fence` grows with every owner of the key.

    `took_over`: an earlier attempt outlived its lease, and may have been applied.
    `tx` runs SQL inside the claim's own transaction (`same_transaction` only).
    """

    key: str
    fence: int
    owner: str
    lease_until: float
    took_over: bool = False
    tx: Tx | None = None


class Tx(Protocol):
    """The part of a database transaction that an effect may use. It cannot commit early."""

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows; `?` stands for a value."""
        ...


class Next(StrEnum):
    """What a claim may do with a row that exists: answer from it, take it over, or park it for a look."""

    ANSWER = "answer"
    TAKE = "take"
    PARK = "park"


def decide(row: Row, ask: Ask, now: float) -> Next:
    """Say what a claim may do with an existing row. Pure: the whole policy of the ledger is here.

    An ended lease does not prove that nothing happened. Only a downstream that honours the key makes a
    second send harmless; otherwise the row is parked until somebody has looked.
    """
    if row.expires_at is not None and now >= row.expires_at:
        return Next.TAKE
    if row.fingerprint != ask.fingerprint or row.promise != ask.promise:
        return Next.ANSWER
    if row.state == State.FREE:
        return Next.TAKE
    if row.state == State.IN_PROGRESS and now >= row.lease_until:
        return Next.PARK if row.promise == Promise.PLAIN_DOWNSTREAM else Next.TAKE
    return Next.ANSWER
