"""Grading on a Dask cluster: the same bytes as on one machine, though a worker is killed on the way."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from labkit.lab.grading.cluster import NoCluster, cluster
from labkit.lab.grading.notebook import read_notebook

pytest.importorskip("distributed")
pytestmark = [pytest.mark.slow, pytest.mark.needs("bubblewrap")]

ROOT = Path(__file__).resolve().parent.parent
SOLVED = [
    cell
    for cell in read_notebook((ROOT / "solutions" / "06_retry_or_not.ipynb").read_bytes())
    if "check(" not in cell
]
COUNT = 20


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "this did not happen in time"
        time.sleep(0.02)


class Cluster:
    """A scheduler and two workers, as processes on loopback."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._file = folder / "scheduler.json"
        self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        wait_for(self._file.is_file)
        self.workers = [
            self._start(
                "dask_worker", "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard"
            )
            for _ in range(2)
        ]

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{what}", "--scheduler-file", str(self._file)]
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    @property
    def address(self) -> str:
        return str(json.loads(self._file.read_text())["address"])


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        (tmp_path / "dask").mkdir()
        found = Cluster(tmp_path / "dask", stack)

        def has_both() -> bool:
            try:
                with cluster(found.address) as (_, threads):
                    return threads == 2
            except NoCluster:
                return False

        wait_for(has_both)
        yield found


def command(places: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "labkit", "grade", str(places), "--out", str(out), *more]


def stored(out: Path) -> int:
    try:
        with sqlite3.connect(f"file:{out / 'results.sqlite'}?mode=ro", uri=True) as database:
            return int(database.execute("SELECT count(*) FROM graded").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def test_a_lost_worker_loses_nothing(dask: Cluster, tmp_path: Path) -> None:
    """One of two workers is killed in the middle: every mark is there once, as on one machine."""
    places = tmp_path / "class"
    for number in range(COUNT):
        path = places / f"s{number}" / "06_retry_or_not.ipynb"
        path.parent.mkdir(parents=True)
        cells = [*SOLVED, f"import time; time.sleep(0.2); mine = {number}"]
        coded = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
        path.write_text(json.dumps({"cells": coded, "nbformat": 4}))
    run = subprocess.Popen(
        command(places, tmp_path / "out", "--cluster", dask.address),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(lambda: stored(tmp_path / "out") >= 3)
    assert stored(tmp_path / "out") < COUNT, "it was over before the kill"
    dask.workers[0].kill()
    told, _ = run.communicate(timeout=90)
    assert 0 == run.returncode, told
    assert f"{COUNT} results, {COUNT} graded now: {COUNT} passed" in told
    assert COUNT == stored(tmp_path / "out")
    subprocess.run(command(places, tmp_path / "local"), cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    for name in ("gradebook.csv", "canvas.csv", "moodle_06.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


def test_a_cluster_that_is_not_there_is_named() -> None:
    """The message says what was asked for and how to start one."""
    with pytest.raises(NoCluster, match="dask scheduler"), cluster("tcp://127.0.0.1:1", seconds=1.0):
        pass
