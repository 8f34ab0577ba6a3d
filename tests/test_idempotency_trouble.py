"""Trouble in the store: a named error each, and nothing lost. Many processes: one effect."""

import json
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from handclock import Clock
from postgres_server import postgres_server

from labkit.failures import LabkitError
from labkit.idempotency import (
    ActionInProgress,
    Claim,
    ClockWentBack,
    Ledger,
    LedgerCorrupt,
    LedgerError,
    LedgerFull,
    LedgerLocked,
    LedgerReadOnly,
    LedgerUnavailable,
    Once,
    PostgresLedger,
    Promise,
    SQLiteLedger,
    State,
)
from labkit.idempotency.waiting import WaitingLine

pytest_plugins = ["ledgers"]

HONOURS, PLAIN, SAME = Promise.DOWNSTREAM_HONOURS_KEY, Promise.PLAIN_DOWNSTREAM, Promise.SAME_TRANSACTION
PAYLOAD = {"account_id": "acct_10234"}


def in_child(work: Callable[[], object], uid: int | None = None) -> object:
    """Run work in a forked process, as another user if asked; return its JSON result, or the error's name."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if uid is not None:
                os.setuid(uid)
            said: object = work()
        except BaseException as error:  # noqa: BLE001 - the parent must hear of every end
            said = type(error).__name__
        os.write(write, json.dumps(said).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = json.loads(pipe.read())
    os.waitpid(pid, 0)
    return said


def emptied(ledger: Ledger) -> Ledger:
    """Give the ledger back with nothing in it."""
    with ledger.transaction() as tx:
        tx.execute("DELETE FROM actions")
    return ledger


# ── SQLite ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_full_disk_is_named_and_loses_nothing(tmp_path: Path) -> None:
    """The claim that did not fit never was; the ones before it answer; with room again the key acts."""
    ledger = SQLiteLedger(tmp_path / "a.db")
    once, acted = Once(ledger, PLAIN), []
    once.run("first:1", PAYLOAD, lambda _: "kept")
    with ledger.transaction() as tx:
        tx.execute(f"PRAGMA max_page_count = {tx.execute('PRAGMA page_count')[0][0]}")
    effect = partial(_note, acted)
    with pytest.raises(LedgerFull, match="make room"):
        _ = [once.run(f"more:{number}", PAYLOAD, effect) for number in range(1000)]
    kept = [row.key for row in ledger.rows() if row.state == State.DONE]
    assert ["first:1", *acted[: len(kept) - 1]] == kept
    assert len(acted) - (len(kept) - 1) in {0, 1}  # at most the one effect whose record did not fit
    with ledger.transaction() as tx:
        tx.execute("PRAGMA max_page_count = 1000000")
    assert ("kept", False) == once.run("first:1", PAYLOAD, lambda _: "again")
    assert once.run("later:1", PAYLOAD, lambda _: "fits").first


def _note(acted: list[str], claim: Claim) -> str:
    acted.append(claim.key)
    return "x" * 500


def test_an_effect_whose_record_did_not_fit_is_not_lost(tmp_path: Path) -> None:
    """The row stays in progress, so that after its lease it is looked at, not repeated."""
    clock = Clock()
    ledger = SQLiteLedger(tmp_path / "a.db", clock=clock)

    def effect(_claim: object) -> str:
        with ledger.transaction() as tx:
            tx.execute(f"PRAGMA max_page_count = {tx.execute('PRAGMA page_count')[0][0]}")
        return "x" * 20_000

    with pytest.raises(LedgerFull):
        Once(ledger, PLAIN).run("k:1", PAYLOAD, effect)
    with pytest.raises(ActionInProgress):
        Once(ledger, PLAIN).run("k:1", PAYLOAD, effect)


@pytest.mark.skipif(os.name == "nt", reason="rights on Windows are other rights")
def test_a_read_only_database_is_named(tmp_path: Path) -> None:
    """Whoever may only read gets the stored answer, and a named error for a new claim."""
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:  # one more of them under xdist
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(0o755)
    path = tmp_path / "a.db"
    with closing(SQLiteLedger(path)) as ledger:
        Once(ledger, PLAIN).run("first:1", PAYLOAD, lambda _: "kept")
    path.chmod(0o444)
    uid = 65534 if os.geteuid() == 0 else None
    if uid is None:
        tmp_path.chmod(0o555)
    try:
        once = Once(SQLiteLedger(path, wait_s=0.5), PLAIN)
        assert "LedgerReadOnly" == in_child(lambda: once.run("new:1", PAYLOAD, lambda _: "acted"), uid)
    finally:
        tmp_path.chmod(0o755)
    with closing(sqlite3.connect(path)) as raw:
        assert [("first:1", "done")] == raw.execute("SELECT key, state FROM actions").fetchall()


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """The path is the caller's mistake, and the error says so."""
    with pytest.raises(LedgerUnavailable, match="check the path"):
        SQLiteLedger(tmp_path / "nowhere" / "a.db").row("k")


@pytest.mark.parametrize("content", [b"this is no database" * 100, None])
def test_a_corrupt_database_is_named_and_left_as_it_is(tmp_path: Path, content: bytes | None) -> None:
    """A foreign or damaged file is refused, not overwritten."""
    path = tmp_path / "a.db"
    if content is None:
        with closing(SQLiteLedger(path, durable=False)) as ledger:
            for number in range(100):
                Once(ledger, PLAIN).run(f"k:{number}", PAYLOAD, lambda _: "x" * 200)
        content = path.read_bytes()
        content = content[:8192] + b"\xff" * 8192 + content[16384:]
    path.write_bytes(content)
    ledger = SQLiteLedger(path, wait_s=0.5)
    once = Once(ledger, PLAIN)
    with pytest.raises(LedgerCorrupt, match="keep the file"):
        _ = [once.run(f"k:{number}", PAYLOAD, lambda _: "again") for number in range(200)]
    assert content[:16384] == path.read_bytes()[:16384]


def test_a_locked_database_is_named(tmp_path: Path) -> None:
    """A connection that sits in a transaction holds writers up for wait_s, not for ever; reading goes on."""
    path = tmp_path / "a.db"
    ledger = SQLiteLedger(path, wait_s=0.2)
    once = Once(ledger, PLAIN)
    once.run("first:1", PAYLOAD, lambda _: "kept")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        with pytest.raises(LedgerLocked, match="Nothing was written"):
            once.run("new:1", PAYLOAD, lambda _: "acted")
        assert time.monotonic() - started < 2
        assert ("kept", False) == once.run("first:1", PAYLOAD, lambda _: "again")
        other.execute("ROLLBACK")
    assert once.run("new:1", PAYLOAD, lambda _: "acted").first


def test_the_waiting_line_has_an_end(tmp_path: Path) -> None:
    """A holder that never leaves costs the others wait_s; once it leaves, the line moves again."""
    stuck, waiting = WaitingLine(tmp_path / "l"), WaitingLine(tmp_path / "l")
    assert stuck.enter(1)
    assert not waiting.enter(0.1)
    stuck.leave()
    assert waiting.enter(5)
    waiting.leave()


def test_a_ledger_survives_a_fork(tmp_path: Path) -> None:
    """Parent and child each use their own connection; the child's turn excludes the parent's."""
    ledger = SQLiteLedger(tmp_path / "a.db")
    once = Once(ledger, HONOURS)
    once.run("parent:1", PAYLOAD, lambda _: "p")
    assert ["p", False] == in_child(lambda: once.run("parent:1", PAYLOAD, lambda _: "again"))
    assert ["c", True] == in_child(lambda: once.run("child:1", PAYLOAD, lambda _: "c"))
    assert ("c", False) == once.run("child:1", PAYLOAD, lambda _: "again")


def test_threads_share_one_ledger(tmp_path: Path) -> None:
    """Eight threads on one key: one effect."""
    once, made, answers = Once(SQLiteLedger(tmp_path / "a.db"), HONOURS), [], []

    def work() -> None:
        answers.append(once.run("k:1", PAYLOAD, lambda _: made.append(1) or "job", wait_s=5))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (1, 1, {"job"}) == (len(made), sum(a.first for a in answers), {a.result for a in answers})


def test_an_effects_own_mistake_stays_its_own(tmp_path: Path) -> None:
    """A broken constraint in the effect's table is sqlite3's error, not trouble of the ledger."""
    ledger = SQLiteLedger(tmp_path / "a.db")
    with ledger.transaction() as tx:
        tx.execute("CREATE TABLE rotations (account TEXT NOT NULL)")
    with pytest.raises(sqlite3.IntegrityError):
        Once(ledger, SAME).run("k:1", PAYLOAD, lambda c: c.tx.execute("INSERT INTO rotations VALUES (NULL)"))
    assert ledger.row("k:1") is None


# ── the clock ────────────────────────────────────────────────────────────────────────────────────────


def test_a_clock_that_goes_back_is_named(ledger: Ledger, clock: Clock) -> None:
    """Leases cannot be judged by a clock in the past, so no claim is made until it is right again."""
    once = Once(ledger, HONOURS)
    once.run("first:1", PAYLOAD, lambda _: "kept")
    clock.now -= 3600
    with pytest.raises(ClockWentBack, match=r"3600.000 s before"):
        once.run("new:1", PAYLOAD, lambda _: "acted")
    clock.now += 3600
    assert once.run("new:1", PAYLOAD, lambda _: "acted").first


def test_a_small_step_back_is_tolerated(ledger: Ledger, clock: Clock) -> None:
    """Time services step a clock by a second or so; that stops nobody."""
    once = Once(ledger, HONOURS)
    once.run("first:1", PAYLOAD, lambda _: "kept")
    clock.now -= 2
    assert once.run("new:1", PAYLOAD, lambda _: "acted").first


def test_a_clock_that_goes_back_during_the_effect_loses_no_record(ledger: Ledger, clock: Clock) -> None:
    """The effect has happened, so its record is written whatever the clock says."""

    def effect(_claim: object) -> str:
        clock.now -= 3600
        return "done before"

    assert ("done before", True) == Once(ledger, PLAIN).run("k:1", PAYLOAD, effect)


def test_a_restart_with_a_wrong_clock_is_noticed(tmp_path: Path) -> None:
    """A new process compares its clock with the newest row before its first claim."""
    Once(SQLiteLedger(tmp_path / "a.db"), PLAIN).run("k:1", PAYLOAD, lambda _: "kept")
    wrong = SQLiteLedger(tmp_path / "a.db", clock=lambda: time.time() - 86_400)
    with pytest.raises(ClockWentBack):
        Once(wrong, PLAIN).run("k:2", PAYLOAD, lambda _: "acted")


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────────


def test_a_held_row_is_named_in_postgres(postgres: str) -> None:
    """A transaction that sits on the same key holds others up for wait_s, not for ever."""
    holder, other = emptied(PostgresLedger(postgres)), PostgresLedger(postgres, wait_s=0.3)
    with holder.transaction():
        Once(holder, HONOURS).run("k:1", PAYLOAD, lambda _: "held")
        with pytest.raises(LedgerLocked, match="55P03"):
            Once(other, HONOURS).run("k:1", PAYLOAD, lambda _: "acted")
    assert ("held", False) == Once(other, HONOURS).run("k:1", PAYLOAD, lambda _: "acted")


def test_a_read_only_postgres_is_named(postgres: str) -> None:
    """A standby, or a server set read-only, takes no claims."""
    once = Once(PostgresLedger(f"{postgres} options='-c default_transaction_read_only=on'"), HONOURS)
    PostgresLedger(postgres).row("k:1")
    with pytest.raises(LedgerReadOnly, match="25006"):
        once.run("new:1", PAYLOAD, lambda _: "acted")


def test_an_unreachable_postgres_is_named_without_its_password(tmp_path: Path) -> None:
    """The connection string may hold a password, so no error shows it."""
    ledger = PostgresLedger(f"host={tmp_path} user=labkit password=hunter2-secret")
    with pytest.raises(LedgerUnavailable) as caught:
        ledger.row("k")
    assert "hunter2" not in repr(caught.value) + repr(caught.value.__cause__)


def test_a_broken_connection_is_opened_again(postgres: str) -> None:
    """The effect has happened when the connection breaks, and its record is still written."""
    ledger, admin = PostgresLedger(postgres), emptied(PostgresLedger(postgres))

    def effect(_claim: object) -> str:
        with admin.transaction() as tx:
            tx.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        return "job"

    assert ("job", True) == Once(ledger, PLAIN).run("k:1", PAYLOAD, effect)


def test_a_transaction_on_a_broken_connection_writes_nothing(postgres: str) -> None:
    """Neither the effect nor its claim is there when the connection broke in between."""
    ledger, admin = PostgresLedger(postgres), emptied(PostgresLedger(postgres))

    def effect(_claim: object) -> str:
        with admin.transaction() as tx:
            tx.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        return "job"

    with pytest.raises(LedgerUnavailable):
        Once(ledger, SAME).run("k:1", PAYLOAD, effect)
    assert admin.row("k:1") is None
    assert Once(ledger, SAME).run("k:1", PAYLOAD, lambda _: "job").first


def test_hosts_go_by_the_databases_clock(postgres: str) -> None:
    """A host whose own clock is an hour fast judges leases by the server's time."""
    fast = PostgresLedger(postgres)
    fast._host_clock = lambda: time.time() + 3600
    fast.row("k")
    assert abs(fast.clock() - time.time()) < 2


def test_a_full_postgres_disk_is_named() -> None:
    """The server's own code for a full disk becomes LedgerFull."""
    from psycopg import errors

    from labkit.idempotency.postgres import _naming

    with pytest.raises(LedgerFull, match="make room"), _naming(1.0):
        raise errors.lookup("53100")
    with pytest.raises(LedgerCorrupt), _naming(1.0):
        raise errors.lookup("XX001")


def test_a_stopped_postgres_keeps_what_was_committed() -> None:
    """While the server is down claims are refused by name; a server that never comes back loses no answer."""
    with postgres_server() as conninfo:
        ledger = PostgresLedger(conninfo, wait_s=1.0)
        Once(ledger, HONOURS).run("k:1", PAYLOAD, lambda _: "kept")
    with pytest.raises(LedgerUnavailable):
        Once(ledger, HONOURS).run("k:2", PAYLOAD, lambda _: "acted")


# ── many processes, one key ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
@pytest.mark.parametrize("promise", list(Promise))
def test_sixteen_processes_retry_one_key(
    store: str, promise: Promise, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """One effect, one winner, fifteen identical stored answers."""
    effects = tmp_path / "effects"
    where = tmp_path / "a.db" if store == "sqlite" else request.getfixturevalue("postgres")
    ledger = emptied(SQLiteLedger(where) if store == "sqlite" else PostgresLedger(where))
    ledger.close()
    starts, results = os.pipe(), os.pipe()
    pids = []
    for number in range(16):
        if (pid := os.fork()) == 0:
            try:
                os.read(starts[0], 1)
                once = Once(ledger, promise)
                answer = once.run("k:1", PAYLOAD, lambda _, n=number: _effect(effects, n), wait_s=20)
                os.write(results[1], (json.dumps(answer) + "\n").encode())
            finally:
                os._exit(0)
        pids.append(pid)
    os.write(starts[1], b"x" * 16)
    for pid in pids:
        os.waitpid(pid, 0)
    answers = [json.loads(line) for line in os.read(results[0], 65536).splitlines()]
    assert (16, 1) == (len(answers), sum(first for _, first in answers))
    assert 1 == len(effects.read_text().splitlines()) == len({result for result, _ in answers})


def _effect(path: Path, number: int) -> str:
    with path.open("a") as file:
        file.write(f"{number}\n")
    time.sleep(0.02)  # the others must find the claim taken, not the answer there
    return f"job_by_{number}"


def test_every_trouble_is_one_family() -> None:
    """A caller can catch LedgerError for the store and stay a LabkitError away from everything else."""
    kinds = {LedgerCorrupt, LedgerFull, LedgerLocked, LedgerReadOnly, LedgerUnavailable, ClockWentBack}
    assert kinds == set(LedgerError.__subclasses__())
    assert issubclass(LedgerError, LabkitError)
