"""`labkit enrich`: the nightly job of lesson 13, 50,000 records, to be stopped and started at will.

    labkit enrich --records 50000 --out work/enrich        # Ctrl-C, or kill -9, at any point
    labkit enrich --out work/enrich                        # goes on where it was

Each record is one decision through the boundary, made by the practice provider, one in two hundred of them
wrong. What was decided is in results.jsonl, what a person has to look at in dead_letters.jsonl.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from labkit.boundary import Boundary
from labkit.jobs import Jobs, Status, progress_bar
from labkit.lab.offline import decide
from labkit.lab.provider import MODELS, practice

JOB = "nightly"
RECORDS = 50_000
WRONG = {"window_90": 0.005}
EVERY = 0.5  # seconds between two looks at the progress


def enrich(
    out: Path,
    records: int = RECORDS,
    workers: int = 4,
    told: Callable[[str], object] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> Status:
    """Queue what is not queued yet, work on what is left, and write both files."""
    out.mkdir(parents=True, exist_ok=True)
    jobs = Jobs(out / "job.db")
    jobs.enqueue(JOB, ((f"acct_{number:05d}", {"number": number}) for number in range(records)))
    last = clock() - EVERY

    def show(status: Status) -> None:
        nonlocal last
        if clock() - last >= EVERY:
            last = clock()
            told(progress_bar(status))

    with practice(faults=WRONG, seed=1) as provider:
        url, key = provider.base_url, provider.key
        with Boundary.open("openai", url, key, model=MODELS[0]) as boundary:
            status = jobs.run(JOB, partial(decide, boundary), workers=workers, progress=show)
    jobs.export(JOB, out / "results.jsonl", out / "dead_letters.jsonl")
    told(progress_bar(status))
    return status


def main(out: Path, records: int, workers: int) -> None:
    """Run it in a terminal, one line that is written over."""

    def told(line: str) -> None:
        sys.stdout.write(f"\r{line}")
        sys.stdout.flush()

    enrich(out, records, workers, told)
    sys.stdout.write(f"\nresults and dead letters are in {out}\n")
