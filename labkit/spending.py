"""A spending limit that is asked before a call and told after it.

Without it the bill is read next month. A limit that only adds up what was spent lets a hundred
calls start at once under the last cent; one that lives in memory forgets at every restart and
knows nothing of the other workers. So a call *reserves* its worst case first and *settles* after.

    budget = Budget("2026-11-24", Decimal("5"), path="spending.db")
    with budget.hold(worst_cost(1_200, 400, model, card)) as hold:     # BudgetExceeded if too much
        hold.settle(cost(usage, model, card))

A call that ends without a settlement (a timeout, a crash, usage unknown) keeps its whole
reservation: it may have been billed. Amounts are exact decimals, kept as text in SQLite.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.costs import RateCard, UnknownRate, cost
from labkit.usage import CostError, Usage

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Budget", "BudgetExceeded", "BudgetState", "BudgetUnavailable", "Hold", "worst_cost"]

_TABLES = """
CREATE TABLE IF NOT EXISTS budgets (name TEXT PRIMARY KEY, spent TEXT NOT NULL, reserved TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS holds (
    id TEXT PRIMARY KEY, budget TEXT NOT NULL, amount TEXT NOT NULL, at REAL NOT NULL
);
"""


class BudgetExceeded(CostError):
    """The reservation does not fit in what is left. The call was not sent."""


class BudgetUnavailable(CostError):
    """The budget's file cannot be read or written, so nothing may be spent from it."""


@dataclass(frozen=True, slots=True)
class BudgetState:
    """What a budget holds now: `left` is the limit less what is spent and reserved."""

    limit: Decimal
    spent: Decimal
    reserved: Decimal

    @property
    def left(self) -> Decimal:
        """What a new reservation may take; negative when calls cost more than they reserved."""
        return self.limit - self.spent - self.reserved


class Hold:
    """A reservation: settle it with what the call cost, or release it if nothing was sent."""

    def __init__(self, budget: Budget, identity: str, amount: Decimal) -> None:
        self.budget, self.id, self.amount = budget, identity, amount
        self.open = True

    def settle(self, actual: Decimal | None) -> None:
        """Book what the call cost; None (unknown) books the whole reservation."""
        self.open = False
        self.budget._close(self.id, actual)  # noqa: SLF001 - a hold is the budget's own handle

    def release(self) -> None:
        """Give the reservation back: the request certainly never left."""
        self.settle(Decimal(0))


class Budget:
    """A named limit, shared by every thread and process that opens the same name and file.

    Put the period in the name (`"2026-11-24"`), and a new day starts a new budget. The file must
    be on a local disk; without a path the budget lives in this process alone.
    """

    def __init__(
        self,
        name: str,
        limit: Decimal,
        *,
        path: str | Path = ":memory:",
        clock: Callable[[], float] = time.time,
        ids: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self.name, self.limit, self.path = name, _amount(limit, "limit"), str(path)
        self._clock, self._ids = clock, ids
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._owner = 0

    def state(self) -> BudgetState:
        """Read the totals as they stand now, over all processes."""
        with self._transaction() as db:
            return self._read(db)

    def reserve(self, amount: Decimal) -> Hold:
        """Set an amount aside before a call, or raise `BudgetExceeded`."""
        amount = _amount(amount, "reservation")
        with self._transaction() as db:
            now = self._read(db)
            if amount > now.left:
                raise BudgetExceeded(
                    f"budget {self.name!r} has {_plain(now.left)} of {_plain(self.limit)} left "
                    f"({_plain(now.spent)} spent, {_plain(now.reserved)} reserved); "
                    f"the call needs {_plain(amount)}. "
                    "Lower its max tokens, raise the limit, or wait for the next period"
                )
            identity = self._ids()
            db.execute(
                "INSERT INTO holds VALUES (?, ?, ?, ?)",
                (identity, self.name, str(amount), self._clock()),
            )
            self._write(db, now.spent, now.reserved + amount)
        return Hold(self, identity, amount)

    @contextmanager
    def hold(self, amount: Decimal) -> Iterator[Hold]:
        """Reserve for the length of a call; left unsettled, the whole reservation is spent."""
        hold = self.reserve(amount)
        try:
            yield hold
        finally:
            if hold.open:
                hold.settle(None)

    def write_off(self, older_than_s: float) -> int:
        """Book as spent what processes that died had reserved, and return how many holds that were."""
        with self._transaction() as db:
            lost = [
                row[0]
                for row in db.execute(
                    "SELECT id FROM holds WHERE budget = ? AND at <= ?",
                    (self.name, self._clock() - older_than_s),
                )
            ]
            for identity in lost:
                self._settle(db, identity, None)
        return len(lost)

    def _close(self, identity: str, actual: Decimal | None) -> None:
        with self._transaction() as db:
            self._settle(db, identity, actual)

    def _settle(self, db: sqlite3.Connection, identity: str, actual: Decimal | None) -> None:
        found = db.execute("DELETE FROM holds WHERE id = ? RETURNING amount", (identity,)).fetchone()
        if found is None:
            raise CostError(f"hold {identity} of budget {self.name!r} was settled before; settle once")
        reserved = Decimal(found[0])
        spent = reserved if actual is None else _amount(actual, "actual cost")
        now = self._read(db)
        self._write(db, now.spent + spent, now.reserved - reserved)

    def _read(self, db: sqlite3.Connection) -> BudgetState:
        row = db.execute("SELECT spent, reserved FROM budgets WHERE name = ?", (self.name,)).fetchone()
        spent, reserved = row or ("0", "0")
        return BudgetState(self.limit, Decimal(spent), Decimal(reserved))

    def _write(self, db: sqlite3.Connection, spent: Decimal, reserved: Decimal) -> None:
        db.execute(
            "INSERT INTO budgets VALUES (?1, ?2, ?3) "
            "ON CONFLICT (name) DO UPDATE SET spent = ?2, reserved = ?3",
            (self.name, str(spent), str(reserved)),
        )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One writer at a time: IMMEDIATE, since a lock taken after reading would be refused."""
        import sqlite3  # noqa: PLC0415 - a limit is optional, and so is its import

        with self._lock:
            try:
                db = self._connect()
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                except BaseException:
                    db.execute("ROLLBACK")
                    raise
                db.execute("COMMIT")
            except sqlite3.Error as error:
                raise BudgetUnavailable(
                    f"budget file {Path(self.path).name!r}: {error}; "
                    "it wants a writable local disk with room on it"
                ) from error

    def _connect(self) -> sqlite3.Connection:
        import sqlite3  # noqa: PLC0415

        # A connection must not cross a fork, so each process opens its own.
        if self._connection is None or self._owner != os.getpid():
            db = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.executescript(_TABLES)
            self._connection, self._owner = db, os.getpid()
        return self._connection


def worst_cost(
    input_tokens: int,
    max_output_tokens: int,
    model: str,
    card: RateCard,
    *,
    attempts: int = 1,
    on: date | None = None,
) -> Decimal:
    """What a call can cost at most: its input at the dearest rate, a full output, every attempt."""
    candidates = []
    for bucket in ("input_tokens", "cache_write_tokens", "cache_write_1h_tokens"):
        usage = Usage(**{bucket: input_tokens}, output_tokens=max_output_tokens)
        try:
            candidates.append(cost(usage, model, card, on=on))
        except UnknownRate:
            if bucket == "input_tokens":
                raise
    return max(candidates) * attempts


def _amount(value: Decimal, name: str) -> Decimal:
    if not isinstance(value, Decimal):
        raise CostError(f"{name} is a {type(value).__name__}; wanted a Decimal of 0 or more")
    if not value.is_finite() or value < 0:
        raise CostError(f"{name} is {value}; wanted a Decimal of 0 or more")
    return value


def _plain(amount: Decimal) -> str:
    """An amount without needless zeros."""
    return f"{amount.normalize():f}"
