"""The crash test: workers and service are killed everywhere, and an independent count finds one effect each.

`crash/driver.py` is one run: four workers, kills by timer, by the worker itself (claimed but unsent; sent but
unrecorded) and by the service (before it applies; applied but unanswered; applied late), workers stopped
beyond their lease. A run counts only when enough visits were really cut at every point. Seven broken designs
go through the same runs, and each must be caught.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from labkit.idempotency import Promise

pytest_plugins = ["ledgers"]
pytestmark = pytest.mark.slow

DRIVER = Path(__file__).parent / "crash" / "driver.py"
SEEDS = range(1, 6)
# What must give each control away, and not some other accident.
CAUGHT_BY = {
    "check_then_act": r"([2-9]|\d\d) effects",
    "lease_rerun": r"([2-9]|\d\d) effects",
    "no_fence": "two winners",
    "done_before_effect": ": 0 effects",
    "no_lease": "never done",
    "no_fingerprint": "an answer that no effect gave",
    "fresh_key": r"([2-9]|\d\d) effects",
}
HONOURS, PLAIN = Promise.DOWNSTREAM_HONOURS_KEY, Promise.PLAIN_DOWNSTREAM
PROMISE_OF = {"check_then_act": PLAIN, "lease_rerun": PLAIN, "done_before_effect": PLAIN}


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> str:
    """Give a store by its driver argument."""
    return "sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres")


@pytest.fixture
def databases(store: str) -> Iterator[list[str]]:
    """Give a database of its own to each run, so that runs may share the time."""
    if store == "sqlite":
        yield ["sqlite"] * len(SEEDS)
        return
    import psycopg

    names = [f"crash_{seed}" for seed in SEEDS]
    with psycopg.connect(store, autocommit=True) as admin:
        there = {row[0] for row in admin.execute("SELECT datname FROM pg_database").fetchall()}
        for name in set(names) - there:
            admin.execute(f"CREATE DATABASE {name}")
    yield [store.replace("dbname=postgres", f"dbname={name}") for name in names]


def drive(folder: Path, database: str, promise: Promise, seed: int, control: str = "") -> dict:
    """Run the driver once and read its report."""
    folder.mkdir()
    command = [sys.executable, str(DRIVER), str(folder), database, promise.value, str(seed)]
    done = subprocess.run(
        [*command, control] if control else command, capture_output=True, timeout=120, check=False
    )
    assert 0 == done.returncode, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.mark.parametrize("promise", list(Promise))
def test_the_promise_holds_whoever_dies(promise: Promise, databases: list[str], tmp_path: Path) -> None:
    """On five seeds: every key has one effect, at most one winner, and one answer, which the effect gave."""
    with ThreadPoolExecutor(3) as pool:
        reports = list(
            pool.map(
                lambda seed, database: drive(tmp_path / str(seed), database, promise, seed), SEEDS, databases
            )
        )
    assert [{}] * 5 == [report["missed"] for report in reports], (
        "too few visits were cut: the run proves nothing"
    )
    assert [[]] * 5 == [report["violations"] for report in reports]
    assert all(report["keys"] > 20 for report in reports)


@pytest.mark.parametrize("control", CAUGHT_BY)
def test_a_broken_design_is_caught(control: str, databases: list[str], tmp_path: Path) -> None:
    """Each of the seven known mistakes breaks a promise in these runs, in its own way."""
    report = drive(tmp_path / "run", databases[0], PROMISE_OF.get(control, HONOURS), 1, control)
    assert any(re.search(CAUGHT_BY[control], found) for found in report["violations"]), report
