"""The nightly job: killed in the middle, started again, every record once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from labkit.jobs import Jobs
from labkit.lab.enrich import JOB, enrich

RECORDS, WORKERS = 400, 2


def test_a_killed_night_goes_on(tmp_path: Path) -> None:
    """SIGKILL after some records; the next run finishes, with each record once and few calls twice."""
    run = f"enrich(pathlib.Path({str(tmp_path)!r}), {RECORDS}, {WORKERS})"
    code = f"import pathlib; from labkit.lab.enrich import enrich; {run}"
    night = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 60
    while not (tmp_path / "job.db").exists() or Jobs(tmp_path / "job.db").status(JOB).done < RECORDS // 4:
        assert night.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.01)
    night.kill()
    night.wait()
    assert Jobs(tmp_path / "job.db").status(JOB).done < RECORDS
    told: list[str] = []
    status = enrich(tmp_path, RECORDS, WORKERS, told.append)
    files = [
        (tmp_path / name).read_text("utf-8").splitlines() for name in ("results.jsonl", "dead_letters.jsonl")
    ]
    keys = [json.loads(line)["id"] for lines in files for line in lines]
    assert RECORDS == len(keys) == len(set(keys))
    assert status.calls <= RECORDS + WORKERS
    assert told


def test_a_second_run_calls_nobody(tmp_path: Path) -> None:
    """What is done stays done."""
    first = enrich(tmp_path, 20, 2)
    assert first.calls == enrich(tmp_path, 20, 2).calls
