"""Fixtures: the same ledger on both stores. Import `ledger` and `postgres` into a test module to use them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from handclock import Clock
from postgres_server import NoPostgres, postgres_server

from labkit.idempotency import Ledger, PostgresLedger, SQLiteLedger


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Give the connection string of a server that lives as long as the test run."""
    try:
        server = postgres_server("fsync=off")  # the tests kill clients, not the machine
        with server as conninfo:
            yield conninfo
    except NoPostgres as reason:
        if os.environ.get("CI"):
            pytest.fail(f"CI must test PostgreSQL: {reason}")
        pytest.skip(str(reason))


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands still."""
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    """Give an empty ledger on each store, with a clock in the test's hand."""
    if request.param == "sqlite":
        made: Ledger = SQLiteLedger(tmp_path / "actions.db", durable=False, clock=clock)
    else:
        conninfo = request.getfixturevalue("postgres")
        made = PostgresLedger(conninfo, clock=clock, wait_s=1.0)
        with made.transaction() as tx:
            tx.execute("DELETE FROM actions")
    yield made
    made.close()
