"""The same ledger in PostgreSQL, for workers on several hosts.

A SQLite file cannot be shared over a network, and two hosts never agree on the time.
So the claim is a row in one database that all hosts reach, and its clock is the only one that counts:

    ledger = PostgresLedger("postgresql://app@db/actions")   # pip install 'labkit[postgres]'
    once = Once(ledger, Promise.DOWNSTREAM_HONOURS_KEY)

One ledger holds one connection and is shared by threads; its connection string is never shown in an error.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from labkit.failures import LabkitError
from labkit.idempotency.ledger import (
    SCHEMA,
    Ledger,
    LedgerCorrupt,
    LedgerError,
    LedgerFull,
    LedgerLocked,
    LedgerReadOnly,
    LedgerUnavailable,
)
from labkit.idempotency.rules import Claim, Row, State, Tx

if TYPE_CHECKING:
    import psycopg


class PostgresTx:
    """What an effect may do inside the ledger's transaction. `?` stands for a value, as in SQLite."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        cursor = self._connection.execute(_own(sql), values)
        return cursor.fetchall() if cursor.description else []


class PostgresLedger(Ledger):
    """The ledger in a PostgreSQL database. `wait_s`: how long to wait for a row that another holds.

    Without a `clock`, time is the database's: this host's clock, corrected when the connection opens.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        wait_s: float = 5.0,
        clock: Callable[[], float] | None = None,
        clock_tolerance_s: float = 5.0,
    ) -> None:
        self._host_clock = clock or time.time
        self._correct = clock is None
        self._offset_s = 0.0
        super().__init__(lambda: self._host_clock() + self._offset_s, clock_tolerance_s)
        self._conninfo = conninfo
        self.wait_s = wait_s
        self._pid = 0
        self._inside = False
        self._connection: psycopg.Connection[Any] | None = None
        self._mutex = threading.RLock()

    def _read(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._turn() as connection, _naming(self.wait_s):
            return connection.execute(_own(sql), values).fetchall()

    def _write(self, sql: str, values: Sequence[Any]) -> int:
        with self._turn() as connection, _naming(self.wait_s):
            return connection.execute(_own(sql), values).rowcount

    def finish(self, claim: Claim | Row, state: State, *values: Any, **options: Any) -> bool:
        """As `Ledger.finish`, written again when the connection broke: the fence makes that harmless."""
        try:
            return super().finish(claim, state, *values, **options)
        except LedgerUnavailable:
            return super().finish(claim, state, *values, **options)

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Hold one transaction; a second claim on the same key waits for its end."""
        with self._turn() as connection:
            if self._inside:
                raise LabkitError("a transaction is open already; wanted one at a time. Use its tx")
            with _naming(self.wait_s):
                connection.execute("BEGIN")
            self._inside = True
            try:
                yield PostgresTx(connection)
                with _naming(self.wait_s):
                    connection.execute("COMMIT")
            except BaseException:
                if not connection.closed:
                    connection.rollback()
                raise
            finally:
                self._inside = False

    def close(self) -> None:
        """Close this process's connection; the next use opens it again."""
        with self._mutex:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    @contextmanager
    def _turn(self) -> Iterator[psycopg.Connection[Any]]:
        if not self._mutex.acquire(timeout=self.wait_s):
            raise LedgerLocked(
                f"another thread has held the ledger for {self.wait_s} s; wanted a turn. Raise wait_s"
            )
        try:
            yield self._open()
        finally:
            self._mutex.release()

    def _open(self) -> psycopg.Connection[Any]:
        if self._pid != os.getpid():
            if self._connection is not None:
                _PARENTS.append(self._connection)  # a forked connection must be neither used nor closed
            self._connection, self._pid, self._inside = None, os.getpid(), False
        if self._connection is not None and self._connection.closed:
            if self._inside:  # a new connection would stand outside the transaction
                raise LedgerUnavailable(
                    "the connection broke inside the transaction; nothing of it was written"
                )
            self._connection = None
        if self._connection is None:
            with _naming(self.wait_s):
                self._connection = self._connect()
        return self._connection

    def _connect(self) -> psycopg.Connection[Any]:
        try:
            import psycopg  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise LabkitError(
                "psycopg is not installed; wanted it. Run: pip install 'labkit[postgres]'"
            ) from error
        connection = psycopg.connect(
            self._conninfo, autocommit=True, connect_timeout=max(2, int(self.wait_s))
        )
        connection.execute(f"SET lock_timeout = {int(self.wait_s * 1000)}")
        if not connection.execute("SELECT to_regclass('actions')").fetchall()[0][0]:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(7108042)")  # two may not create it at once
                connection.execute(SCHEMA)
        if self._correct:
            told = connection.execute("SELECT extract(epoch FROM clock_timestamp())").fetchall()[0][0]
            self._offset_s = float(told) - self._host_clock()
        return connection


@contextmanager
def _naming(wait_s: float) -> Iterator[None]:
    """Give PostgreSQL's error code a name and a fix."""
    import psycopg  # noqa: PLC0415 - an extra

    try:
        yield
    except psycopg.Error as error:
        code = error.sqlstate or ""
        kind, wanted = next(
            (told for prefix, told in _ERRORS.items() if code.startswith(prefix)),
            (LedgerError, "a working database"),
        )
        if not code or code.startswith("08"):
            kind, wanted = (
                LedgerUnavailable,
                "a server that can be reached; check that it runs, then try again",
            )
        waited = f" after {wait_s} s" if kind is LedgerLocked else ""
        raise kind(
            f"PostgreSQL says {code or type(error).__name__}{waited}; wanted {wanted}. "
            "What was committed is kept"
        ) from (error if code else None)


def _own(sql: str) -> str:
    return sql.replace("?", "%s")


_PARENTS: list[Any] = []
_ERRORS: dict[str, tuple[type[LedgerError], str]] = {
    "53100": (LedgerFull, "free space on the server's disk; make room, then try again"),
    "53300": (LedgerUnavailable, "a free connection; use fewer ledgers or raise max_connections"),
    "25006": (LedgerReadOnly, "a server that accepts writes; this is a standby or is set read-only"),
    "42501": (LedgerReadOnly, "the right to write to the table `actions`; grant it"),
    "55P03": (LedgerLocked, "the row that another transaction holds"),
    "57014": (LedgerLocked, "a statement that ends in time"),
    "57P": (LedgerUnavailable, "a server that is up; it is shutting down or starting"),
    "XX001": (LedgerCorrupt, "a sound table; restore a backup"),
    "XX002": (LedgerCorrupt, "a sound index; run REINDEX"),
}
