"""Exercise 08: an action that happens once."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from labkit.lab.grading.observe import Code

TABLE = "CREATE TABLE claims (key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, result TEXT)"
INSERT = "INSERT INTO claims (key, fingerprint) VALUES (?, ?)"


class Pausing(sqlite3.Connection):
    """A connection that lets somebody else act just before its n-th statement."""

    statements = 0
    pause_at: int | None = None
    other: Callable[[], None] | None = None

    def cursor(self, factory: Any = None) -> Any:
        """A cursor whose statements are counted."""
        return super().cursor(PausingCursor if factory is None else factory)

    def execute(self, *statement: Any) -> Any:
        """The connection's own would use a cursor that does not count."""
        return self.cursor().execute(*statement)

    def step(self) -> None:
        """One more statement is about to run."""
        self.statements += 1
        if self.statements == self.pause_at and self.other is not None:
            self.other()


class PausingCursor(sqlite3.Cursor):
    """Tells its connection before it runs a statement."""

    def execute(self, *statement: Any) -> Any:
        """Run a statement."""
        if isinstance(self.connection, Pausing):
            self.connection.step()
        return super().execute(*statement)


@contextmanager
def _database(*, table: bool = True) -> Iterator[Callable[[], Pausing]]:
    """An empty database in a file, and a function that connects to it as one more process would."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:

        def connect() -> Pausing:
            path = str(Path(folder) / "claims.db")
            db = sqlite3.connect(path, timeout=0, isolation_level=None, factory=Pausing)
            opened.enter_context(closing(db))
            db.execute("PRAGMA synchronous = OFF")
            db.statements = 0
            return db

        if table:
            connect().execute(TABLE)
        yield connect


def key(code: Code, case: Any) -> Any:
    """The key of a wish."""
    return code.action_key(dict(case["wish"]))


def table(code: Code, case: Any) -> Any:
    """What the table refuses, and what a second start leaves in it."""
    with _database(table=False) as connect:
        code.prepare(connect())
        writer = connect()
        stored = 0
        for name in case["keys"]:
            try:
                writer.execute(INSERT, (name, "f"))
                stored += 1
            except sqlite3.IntegrityError:
                pass
        code.prepare(connect())
        rows = connect().execute("SELECT key, result FROM claims").fetchall()
        return {"stored": stored, "rows after a second start": sorted(rows)}


def claim(code: Code, case: Any) -> Any:
    """How many of those who try get the claim, and what is in the table then."""
    winners: list[bool] = []
    with _database() as connect:
        for name in case["taken"]:
            connect().execute(INSERT, (name, "first"))

        def try_for_it() -> None:
            winners.append(bool(code.claim(connect(), case["key"], case["rival"])))

        def rival() -> None:
            try:
                try_for_it()
            except sqlite3.OperationalError:  # locked: a process would wait, and try when the lock is gone
                return
            waiting.clear()

        waiting = [try_for_it]

        mine = connect()
        if case["pause_at"]:
            mine.pause_at, mine.other = case["pause_at"], rival
        else:
            waiting.clear()
        winners.append(bool(code.claim(mine, case["key"], case["mark"])))
        for late in waiting:
            late()
        rows = connect().execute("SELECT key, fingerprint FROM claims").fetchall()
    marks = dict(rows)
    return {"winners": sum(winners), "rows": len(rows), "still first": [marks.get(n) for n in case["taken"]]}


def once(code: Code, case: Any) -> Any:
    """What each call gives, and how often something was really done."""
    done: list[str] = []
    with _database() as connect:

        def act(how: str, key: str, payload: Any) -> str:
            if how == "another asks meanwhile":
                ends.append(ask(key, payload["window_days"], "works"))
            if how != "fails before it acts":
                done.append(key)
            if how in ("answer lost", "fails before it acts"):
                raise TimeoutError("no answer")
            return f"job_{payload['account_id']}_{len(done):03d}"

        def ask(key: str, days: int, how: str) -> Any:
            payload = {"account_id": key.split(":")[1], "window_days": days}
            if how == "works, names in another order":
                payload = dict(reversed(list(payload.items())))
            try:
                return code.run_once(connect(), key, payload, partial(act, how, key))
            except (TimeoutError, code.Mismatch, code.InProgress) as error:
                return type(error).__name__

        ends: list[Any] = []
        for call in case["calls"]:
            ends.append(ask(*call))  # noqa: PERF401 - `act` writes into the same list
    return {"ends": ends, "done": len(done)}


PROBES = {"key": key, "table": table, "claim": claim, "once": once, "doubt": once}
