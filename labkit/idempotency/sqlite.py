"""The ledger in one SQLite file: nothing to install, several processes of one machine.

Without care, SQLite is neither safe nor fair here.
A deferred transaction that reads, then writes, fails with "database is locked" when two do it at once.
Its own waiting grows by steps, so at 16 writers one does nearly all the work and another waits for seconds.
So each write is one statement (or BEGIN IMMEDIATE), and writers queue in the kernel first:

    ledger = SQLiteLedger("actions.db")
    ledger = SQLiteLedger("jobs.db", durable=False)   # survives a killed process, not a power cut

Do not put the file on a network drive: its locks are not reliable there. Several hosts want `PostgresLedger`.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
from labkit.idempotency.rules import Tx
from labkit.idempotency.waiting import WaitingLine

NEWEST = "SELECT updated_at FROM actions ORDER BY rowid DESC LIMIT 1"


class Database:
    """One SQLite file used by threads and processes: fair writes, named errors, safe across a fork.

    `durable`: each commit reaches the disk before the call returns (about 200 µs on a local SSD).
    `wait_s`: how long to wait for another writer before `LedgerLocked`.
    """

    def __init__(self, path: str | Path, schema: str, *, durable: bool = True, wait_s: float = 5.0) -> None:
        self.path = Path(path)
        self.durable = durable
        self.wait_s = wait_s
        self._schema = schema
        self._pid = 0
        self._connection: sqlite3.Connection | None = None
        self._mutex = threading.RLock()
        self._line = WaitingLine(self.path.with_name(self.path.name + ".lock"))

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query. Reading waits for no writer."""
        with self._mutex:
            try:
                return self._open().execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise self._named(error) from error

    def write(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run one statement as its own transaction; return how many rows changed."""
        connection, entered = self._enter()
        try:
            return connection.execute(sql, values).rowcount
        except sqlite3.Error as error:
            raise self._named(error) from error
        finally:
            self._leave(entered)

    @contextmanager
    def transaction(self) -> Iterator[SQLiteTx]:
        """Hold one write transaction: commit at the end, roll back when anything is raised."""
        connection, entered = self._enter()
        try:
            tx = SQLiteTx(connection, self._named)
            tx.execute("BEGIN IMMEDIATE")
            try:
                yield tx
                tx.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        finally:
            self._leave(entered)

    def _enter(self) -> tuple[sqlite3.Connection, bool]:
        """Wait for the turn to write: first among our threads, then among the processes.

        False: a transaction of this thread has the turn already.
        """
        if not self._mutex.acquire(timeout=self.wait_s):
            raise self._locked("another thread")
        try:
            connection = self._open()
            if connection.in_transaction:
                return connection, False
            came = self._line.enter(self.wait_s)
        except BaseException:
            self._mutex.release()
            raise
        if not came:
            self._mutex.release()
            raise self._locked("another process")
        return connection, True

    def _leave(self, entered: bool) -> None:
        if entered:
            self._line.leave()
        self._mutex.release()

    def _open(self) -> sqlite3.Connection:
        if self._pid != os.getpid():
            if self._connection is not None:
                _PARENTS.append(self._connection)  # a forked connection must be neither used nor closed
            self._connection = None
            self._pid = os.getpid()
        if self._connection is None:
            self._connection = self._opened()
        return self._connection

    def _opened(self) -> sqlite3.Connection:
        """Connect; again while others open the same new file, for SQLite does not wait for that itself."""
        give_up = time.monotonic() + self.wait_s
        while True:
            try:
                return self._connect()
            except sqlite3.Error as error:
                named = self._named(error)
                if not isinstance(named, LedgerLocked) or time.monotonic() >= give_up:
                    raise named from error
                time.sleep(0.005)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=self.wait_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {'FULL' if self.durable else 'NORMAL'}")
            for statement in self._schema.split(";"):
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close this process's connection; the next use opens it again."""
        with self._mutex:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None
            self._line.close()

    def _locked(self, who: str) -> LedgerLocked:
        return LedgerLocked(
            f"{self.path.name}: {who} has held the write turn for more than {self.wait_s} s; wanted a turn. "
            "Nothing was written. Find what holds the file open in a transaction, or raise wait_s"
        )

    def _named(self, error: sqlite3.Error) -> LedgerError:
        """Give SQLite's result code a name and a fix (sqlite.org/rescode.html)."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return self._locked("another connection")
        kind, wanted = _ERRORS.get(code, (LedgerError, "a database that works"))
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        return kind(f"{self.path.name}: {name}; wanted {wanted}. What was committed before is kept")


class SQLiteTx:
    """What an effect may do inside the ledger's transaction: run statements, not end it."""

    def __init__(self, connection: sqlite3.Connection, named: Callable[[sqlite3.Error], LedgerError]) -> None:
        self._connection = connection
        self._named = named

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows; a broken constraint of your own stays sqlite3's error."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            named = self._named(error)
            if type(named) is LedgerError:
                raise
            raise named from error


class SQLiteLedger(Ledger):
    """The ledger in one file. `durable=False` trades the last commits before a power cut for speed."""

    def __init__(
        self,
        path: str | Path,
        *,
        durable: bool = True,
        wait_s: float = 5.0,
        clock: Callable[[], float] = time.time,
        clock_tolerance_s: float = 5.0,
    ) -> None:
        super().__init__(clock, clock_tolerance_s)
        self.database = Database(path, SCHEMA, durable=durable, wait_s=wait_s)
        self._checked = False

    def _read(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        if not self._checked:
            self._checked = True
            self.now(*(row[0] for row in self.database.read(NEWEST)))
        return self.database.read(sql, values)

    def _write(self, sql: str, values: Sequence[Any]) -> int:
        return self.database.write(sql, values)

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Hold one write transaction in the ledger's own file."""
        with self.database.transaction() as tx:
            yield tx

    def close(self) -> None:
        """Close the file; it opens again when it is next used."""
        self.database.close()


_PARENTS: list[sqlite3.Connection] = []
_ERRORS: dict[int, tuple[type[LedgerError], str]] = {
    sqlite3.SQLITE_FULL: (LedgerFull, "free space on the disk; make room, then try again"),
    sqlite3.SQLITE_IOERR: (LedgerUnavailable, "a disk that reads and writes; check the disk"),
    sqlite3.SQLITE_READONLY: (
        LedgerReadOnly,
        "a file and folder that this process may write; check the rights",
    ),
    sqlite3.SQLITE_CANTOPEN: (LedgerUnavailable, "a folder that exists and may be entered; check the path"),
    sqlite3.SQLITE_CORRUPT: (LedgerCorrupt, "a sound database; keep the file and restore a backup"),
    sqlite3.SQLITE_NOTADB: (LedgerCorrupt, "an SQLite database; keep the file and check the path"),
}
