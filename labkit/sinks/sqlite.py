"""Records in SQLite: questions to the log become queries, and rows become a pandas frame.

Without it "what did failed calls of last week cost, by task?" is a script over text files.

    boundary = Boundary.open(…, sinks=[SqliteSink("calls.db")])
    read_frame("calls.db")                       # one row a call; unknown counts stay <NA>, never 0
    read_frame("calls.db", "attempts")           # one row an attempt

The file must be on a local disk. Several processes may write to it; each commit is a whole record.
"""

from __future__ import annotations

import os
import threading
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.failures import LabkitError
from labkit.logfields import ATTEMPT_FIELDS, RECORD_FIELDS
from labkit.records import CallRecord
from labkit.sinks.row import SinkError, clean_row

if TYPE_CHECKING:
    import sqlite3

    import pandas as pd

__all__ = ["SqliteSink", "read_frame"]

_CALL = tuple(name for name in RECORD_FIELDS if name != "attempts")
_ATTEMPT = ("call_id", *ATTEMPT_FIELDS)
# Decimals are text too: a numeric column would make them floats.
_TEXT = frozenset(
    """cost finish_reason kind model prompt_version provider question_fingerprint rate_card reason request_id
    response_id response_model status task trace_id""".split()  # noqa: SIM905 - read as a list of words
)
TABLES = ("calls", "attempts")


def _columns(names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {'TEXT' if name in _TEXT else 'NUMERIC'}" for name in names)


_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS calls (call_id INTEGER PRIMARY KEY, {_columns(_CALL)});
CREATE TABLE IF NOT EXISTS attempts ({_columns(_ATTEMPT)});
CREATE INDEX IF NOT EXISTS calls_by_trace ON calls (trace_id);
CREATE INDEX IF NOT EXISTS calls_by_time ON calls (at);
CREATE INDEX IF NOT EXISTS attempts_by_call ON attempts (call_id);
"""


def _insert(table: str, names: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608


_INSERT_CALL, _INSERT_ATTEMPT = _insert("calls", _CALL), _insert("attempts", _ATTEMPT)


class SqliteSink:
    """Write each record and its attempts in one transaction."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._owner = 0
        #: Records that could not be written since this sink was made.
        self.lost = 0

    def __call__(self, record: CallRecord) -> None:
        """Write one record. Raises `SinkError` when it cannot be written, and tries afresh next time."""
        import sqlite3  # noqa: PLC0415 - `import labkit` stays light

        row = clean_row(record)
        with self._lock:
            try:
                self._write(self._connect(), row)
            except (sqlite3.Error, OSError) as error:
                self.lost += 1
                self._forget()
                raise SinkError(
                    f"record not written to {self.path.name} ({type(error).__name__}: {error}); "
                    "give a path on a local disk that can be written and has room"
                ) from error

    def close(self) -> None:
        """Close the file; the next record opens it again."""
        with self._lock:
            self._forget()

    def _write(self, db: sqlite3.Connection, row: dict[str, Any]) -> None:
        attempts = row.pop("attempts", [])
        with db:
            call_id = db.execute(_INSERT_CALL, [row.get(name) for name in _CALL]).lastrowid
            db.executemany(
                _INSERT_ATTEMPT,
                [[call_id, *(item.get(name) for name in ATTEMPT_FIELDS)] for item in attempts],
            )

    def _connect(self) -> sqlite3.Connection:
        import sqlite3  # noqa: PLC0415

        # A connection must not cross a fork, so each process opens its own.
        if self._connection is None or self._owner != os.getpid():
            db = sqlite3.connect(self.path, timeout=5, check_same_thread=False)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.executescript(_SCHEMA)
            self.path.chmod(0o600)
            self._connection, self._owner = db, os.getpid()
        return self._connection

    def _forget(self) -> None:
        if self._connection is not None and self._owner == os.getpid():
            self._connection.close()
        self._connection = None


def read_frame(path: str | Path, table: str = "calls") -> pd.DataFrame:
    """A table as a pandas frame: counts as nullable integers, `cost` as Decimal, `at` as UTC times."""
    import sqlite3  # noqa: PLC0415
    from contextlib import closing  # noqa: PLC0415

    import pandas as pd  # noqa: PLC0415

    if table not in TABLES:
        raise LabkitError(f"table is {table!r}; wanted one of {', '.join(TABLES)}")
    if not Path(path).is_file():
        raise LabkitError(f"no records at {Path(path).name}; make some with SqliteSink first")
    with closing(sqlite3.connect(path)) as db:
        frame = pd.read_sql_query(f"SELECT * FROM {table} ORDER BY rowid", db)  # noqa: S608 - one of TABLES
    frame = frame.convert_dtypes()
    if "cost" in frame:
        exact = [None if pd.isna(text) else Decimal(text) for text in frame["cost"]]
        frame["cost"] = pd.Series(exact, index=frame.index, dtype=object)
        frame["at"] = pd.to_datetime(frame["at"].astype("Float64"), unit="s", utc=True)
        frame["streamed"] = frame["streamed"].astype("boolean")
    return frame
