"""The ledger of actions: who may act on a key, who did, and what came of it.

Without a durable row, two workers both look, both find nothing, and both act.
With a row but no fence, a worker that slept past its lease wakes up and overwrites the one who took over.
So every claim is one atomic write, and every later write names the claim's fence and owner:

    ledger = SQLiteLedger("actions.db")        # or PostgresLedger("postgresql://…"): the same rules
    got = ledger.claim(ask)                    # a Claim: yours to act; a Row: what is already there
    ledger.finish(got, State.DONE, '"job_1"')  # False: the claim is no longer yours

This page holds the SQL that both stores share; the policy is in `rules.py`.
`once.py` is the door that callers use.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields
from typing import Any

from labkit.failures import LabkitError
from labkit.idempotency.owners import new_owner
from labkit.idempotency.rules import Ask, Claim, Next, Row, State, Tx, decide


class LedgerError(LabkitError):
    """The store of claims is in trouble. What was committed before stays; nothing was half written."""


class LedgerLocked(LedgerError):
    """Another process held the database longer than we may wait."""


class LedgerFull(LedgerError):
    """The disk, or the database's size limit, is full."""


class LedgerReadOnly(LedgerError):
    """The database, or its folder, may not be written."""


class LedgerCorrupt(LedgerError):
    """The file is damaged or is no database. It is left as it is."""


class LedgerUnavailable(LedgerError):
    """The database cannot be opened or reached."""


class ClockWentBack(LedgerError):
    """The clock shows a time before the last one written, so leases cannot be judged."""


COLUMNS = tuple(field.name for field in fields(Row))
SCHEMA = """CREATE TABLE IF NOT EXISTS actions (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, promise TEXT NOT NULL, state TEXT NOT NULL,
    fence BIGINT NOT NULL, owner TEXT NOT NULL, lease_until DOUBLE PRECISION NOT NULL,
    result TEXT, error TEXT, created_at DOUBLE PRECISION NOT NULL, updated_at DOUBLE PRECISION NOT NULL,
    expires_at DOUBLE PRECISION)"""
SELECT = f"SELECT {', '.join(COLUMNS)} FROM actions"  # noqa: S608 - our own column names
READ = f"{SELECT} WHERE key = ?"
OPEN_ROWS = f"{SELECT} WHERE state IN ('in_progress', 'needs_reconcile') ORDER BY created_at, key"
# A repeat that arrives at the same moment loses on the primary key, in one statement: no look, then write.
INSERT = """INSERT INTO actions
    (key, fingerprint, promise, state, fence, owner, lease_until, created_at, updated_at)
    VALUES (?, ?, ?, 'in_progress', 1, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"""
TAKE = """UPDATE actions SET fingerprint = ?, promise = ?, state = 'in_progress', fence = fence + 1,
    owner = ?, lease_until = ?, result = NULL, error = NULL, updated_at = ?, expires_at = NULL
    WHERE key = ? AND fence = ? AND owner = ? AND state = ? AND updated_at = ?"""
PARK = """UPDATE actions SET state = 'needs_reconcile', error = 'lease_ended', updated_at = ?
    WHERE key = ? AND fence = ? AND owner = ? AND state = 'in_progress' AND lease_until <= ?"""
# A parked claim whose owner comes back with the answer may still record it: nobody was let in since.
FINISH = """UPDATE actions SET state = ?, result = ?, error = ?, lease_until = ?, updated_at = ?,
    expires_at = ?
    WHERE key = ? AND fence = ? AND owner = ? AND state IN ('in_progress', 'needs_reconcile')"""
RENEW = """UPDATE actions SET lease_until = ?, updated_at = ?
    WHERE key = ? AND fence = ? AND owner = ? AND state = 'in_progress'"""
# A free key listens to nobody: its old owner's late word finds another state, and later another fence.
RELEASE = """UPDATE actions SET state = 'free', error = 'not_applied', updated_at = ?
    WHERE key = ? AND fence = ? AND owner = ? AND state IN ('in_progress', 'needs_reconcile')"""
PRUNE = "DELETE FROM actions WHERE expires_at <= ? AND state IN ('done', 'failed', 'free')"


class Ledger:
    """The rules over a store. `SQLiteLedger` and `PostgresLedger` supply `_read`, `_write`, `transaction`.

    `clock` gives seconds since 1970 and is shared by every worker, so it is the wall clock.
    """

    def __init__(self, clock: Callable[[], float] = time.time, clock_tolerance_s: float = 5.0) -> None:
        self.clock = clock
        self.clock_tolerance_s = clock_tolerance_s
        self._latest = float("-inf")

    def _read(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        raise NotImplementedError

    def _write(self, sql: str, values: Sequence[Any]) -> int:
        """Run one write on its own, durably; return how many rows it changed."""
        raise NotImplementedError

    def transaction(self) -> AbstractContextManager[Tx]:
        """Hold one write transaction: what `claim` and `finish` do inside commits with it or not at all."""
        raise NotImplementedError

    def now(self, written: float = float("-inf")) -> float:
        """Read the clock; refuse a time before what was `written`, or before what this ledger saw."""
        now = self.clock()
        latest = max(self._latest, written)
        if now < latest - self.clock_tolerance_s:
            raise ClockWentBack(
                f"the clock reads {now:.3f}, {latest - now:.3f} s before the last time written; wanted "
                f"at most {self.clock_tolerance_s} s. Set the host's time right, then try again"
            )
        self._latest = max(self._latest, now)
        return now

    def row(self, key: str) -> Row | None:
        """Return the action under `key`, or None."""
        found = self._read(READ, (key,))
        return Row(*found[0]) if found else None

    def rows(self, *, open_only: bool = False) -> list[Row]:
        """Return every action, oldest first; with `open_only` those in progress or waiting for a look."""
        return [
            Row(*found)
            for found in self._read(OPEN_ROWS if open_only else f"{SELECT} ORDER BY created_at, key", ())
        ]

    def claim(self, ask: Ask) -> Claim | Row:
        """Take the right to act on a key, or return the row that stands in the way."""
        owner = new_owner()
        while True:  # each further turn means that another caller changed the row in between
            row = self.row(ask.key)
            now = self.now(row.updated_at if row else float("-inf"))
            if row is None:
                values = (ask.key, ask.fingerprint, ask.promise.value, owner, now + ask.lease_s, now, now)
                if self._write(INSERT, values):
                    return Claim(ask.key, 1, owner, now + ask.lease_s)
                continue
            step = decide(row, ask, now)
            if step is Next.ANSWER:
                return row
            if step is Next.PARK:
                self.park(row, now)
            elif self._take(row, ask, owner, now):
                return Claim(ask.key, row.fence + 1, owner, now + ask.lease_s, row.state == State.IN_PROGRESS)

    def _take(self, row: Row, ask: Ask, owner: str, now: float) -> int:
        new = (ask.fingerprint, ask.promise.value, owner, now + ask.lease_s, now)
        return self._write(TAKE, (*new, row.key, row.fence, row.owner, row.state, row.updated_at))

    def finish(
        self,
        claim: Claim | Row,
        state: State,
        result: str | None = None,
        error: str | None = None,
        *,
        keep_s: float | None = None,
        lease_until: float | None = None,
    ) -> bool:
        """Record how a claim ended. False: the fence has moved on, and nothing was written.

        The clock is not judged here: the effect has happened, and losing its record would be worse.
        """
        now = self.clock()
        until = claim.lease_until if lease_until is None else lease_until
        expires = None if keep_s is None else now + keep_s
        values = (state.value, result, error, until, now, expires, claim.key, claim.fence, claim.owner)
        return self._write(FINISH, values) == 1

    def renew(self, claim: Claim, lease_s: float) -> float | None:
        """Extend a lease for a long effect; return its new end, or None when the claim is no longer ours."""
        now = self.now()
        values = (now + lease_s, now, claim.key, claim.fence, claim.owner)
        return now + lease_s if self._write(RENEW, values) else None

    def park(self, row: Row, now: float) -> bool:
        """Mark an in-progress row as one that needs a look downstream before anybody acts again."""
        return self._write(PARK, (now, row.key, row.fence, row.owner, now)) == 1

    def release(self, held: Claim | Row) -> bool:
        """Give a key back because its effect was certainly not applied. False: the fence has moved on."""
        return self._write(RELEASE, (self.clock(), held.key, held.fence, held.owner)) == 1

    def prune(self) -> int:
        """Delete settled rows whose time to keep is over; return how many. Open rows are never deleted."""
        return self._write(PRUNE, (self.now(),))

    def close(self) -> None:
        """Close the connection. The ledger opens it again when it is next used."""
