"""What a claim costs against the bare store, in the same run; how fair 16 writers are; how fast jobs run.

python tests/benchmarks/ledger.py

Wanted: claim + complete at least 0.5 of the raw store; no worker of 16 under 0.3 of the fastest; repeats at
least 3 times as fast as first claims; at least 5,000 no-op records a second. Medians count.
"""
# ruff: noqa: T201 - a benchmark prints what it measured

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from postgres_server import NoPostgres, postgres_server

from labkit.idempotency import Ledger, Once, PostgresLedger, Promise, SQLiteLedger
from labkit.idempotency.ledger import FINISH, INSERT, SCHEMA
from labkit.jobs import Jobs

ROUNDS, WRITERS, SECONDS, RECORDS = 15, 16, 3.0, 10_000
OWNER, PRINT = "9f3c1e2a:4026531836-4711-88215/5f0e9c21ab34", "f" * 64
RESULT = '"job_acct_10234_001"'
failed: list[str] = []


def report(what: str, value: float, wanted: float, note: str = "") -> None:
    """Print one line; remember a floor that was missed."""
    held = value >= wanted
    print(f"{'ok  ' if held else 'MISS'} {what}: {value:,.2f} (at least {wanted:,}) {note}")
    if not held:
        failed.append(what)


def against_raw(name: str, ledger: Ledger, raw: Callable[[str], None], count: int) -> None:
    """Compare claim + complete with the same two statements on the bare store, then repeats with firsts."""
    once = Once(ledger, Promise.DOWNSTREAM_HONOURS_KEY)
    ratios, repeats, rates, number = [], [], [], 0
    for _ in range(ROUNDS):
        keys = [f"create_rotation_job:acct_{number + i}:P-7:v1" for i in range(count)]
        number += count
        ours = timed(lambda keys=keys: [once.run(key, {"account_id": key}, lambda _: "job") for key in keys])
        bare = timed(lambda keys=keys: [raw(key) for key in keys])
        again = timed(lambda keys=keys: [once.run(key, {"account_id": key}, lambda _: "job") for key in keys])
        ratios.append(bare / ours)
        repeats.append(ours / again)
        rates.append(count / ours)
    note = f"{statistics.median(rates):,.0f}/s"
    report(f"{name}: claim + complete against raw", statistics.median(ratios), 0.5, note)
    report(f"{name}: repeats against first claims", statistics.median(repeats), 3)


def timed(work: Callable[[], object]) -> float:
    """Give the seconds that work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def sqlite(folder: Path, *, durable: bool) -> None:
    """Measure on SQLite with the same journal and synchronous setting on both sides."""
    raw = sqlite3.connect(folder / f"raw{durable}.db", isolation_level=None)
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    raw.execute(SCHEMA)

    def bare(key: str) -> None:
        raw.execute(INSERT, (key, PRINT, "downstream_honours_key", OWNER, 1e9, 1e9, 1e9))
        raw.execute(FINISH, ("done", RESULT, None, 1e9, 1e9, None, key, 1, OWNER))

    ledger = SQLiteLedger(folder / f"ours{durable}.db", durable=durable)
    against_raw(f"SQLite {'FULL' if durable else 'NORMAL'}", ledger, bare, 150 if durable else 600)


def postgres(conninfo: str) -> None:
    """Measure on PostgreSQL, durable on both sides, one connection each."""
    import psycopg

    with psycopg.connect(conninfo, autocommit=True) as admin:
        admin.execute("CREATE DATABASE raw")
    raw = psycopg.connect(conninfo.replace("dbname=postgres", "dbname=raw"), autocommit=True)
    raw.execute(SCHEMA)

    def bare(key: str) -> None:
        values = (key, PRINT, "downstream_honours_key", OWNER, 1e9, 1e9, 1e9)
        raw.execute(INSERT.replace("?", "%s"), values)
        raw.execute(FINISH.replace("?", "%s"), ("done", RESULT, None, 1e9, 1e9, None, key, 1, OWNER))

    against_raw("PostgreSQL", PostgresLedger(conninfo), bare, 100)


def fairness(folder: Path) -> None:
    """Let 16 processes claim and complete as fast as they can, durably, and compare what each got done."""
    ledger = SQLiteLedger(folder / "fair.db", wait_s=30)
    ledger.rows()
    ledger.close()
    (ready, go), (read, write) = os.pipe(), os.pipe()
    for worker in range(WRITERS):
        if os.fork() == 0:
            os.read(ready, 1)
            os.write(write, json.dumps(hammer(ledger, worker)).encode() + b"\n")
            os._exit(0)
    os.write(go, b"x" * WRITERS)
    for _ in range(WRITERS):
        os.wait()
    done = [json.loads(line) for line in os.read(read, 65536).splitlines()]
    counts, longest = [count for count, _ in done], max(wait for _, wait in done)
    note = f"{sum(counts) / SECONDS:,.0f}/s together, longest {1000 * longest:.0f} ms"
    report(f"SQLite FULL: slowest of {WRITERS} against the fastest", min(counts) / max(counts), 0.3, note)


def hammer(ledger: Ledger, worker: int) -> tuple[int, float]:
    """Claim and complete for a while; give how many, and the longest one."""
    once, count, longest = Once(ledger, Promise.DOWNSTREAM_HONOURS_KEY), 0, 0.0
    end = time.monotonic() + SECONDS
    while (started := time.monotonic()) < end:
        once.run(f"k:{worker}:{count}", {}, lambda _: "job")
        count, longest = count + 1, max(longest, time.monotonic() - started)
    return count, longest


def jobs(folder: Path) -> None:
    """Run records that do nothing."""
    rates = []
    for attempt in range(3):
        table = Jobs(folder / f"jobs{attempt}.db")
        table.enqueue("nightly", ((f"r{number}", {"number": number}) for number in range(RECORDS)))
        took = timed(lambda table=table: table.run("nightly", lambda record: record.payload["number"]))
        rates.append(RECORDS / took)
    report("jobs: no-op records a second", statistics.median(rates), 5_000)


def main() -> None:
    """Measure everything; end with 1 when a floor was missed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sqlite(folder, durable=True)
        sqlite(folder, durable=False)
        fairness(folder)
        jobs(folder)
    try:
        with postgres_server() as conninfo:
            postgres(conninfo)
    except NoPostgres as reason:
        print(f"skip PostgreSQL: {reason}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
