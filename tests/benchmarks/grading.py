"""How fast a class is graded: this grader beside bare nbclient and a fresh subprocess, in one run.

A figure from another machine says little, so all three grade the same notebooks, one after the other, on this
one. nbclient runs a notebook in a kernel and judges nothing; a fresh subprocess runs cells and probes with no
walls; ours does that in a sandbox with a network, a home and processes of its own, judges, and stores.

    python tests/benchmarks/grading.py                   # 200 submissions of exercise 06, two workers
    python tests/benchmarks/grading.py --count 3000      # a large course; peak memory is in the table
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from labkit.lab.grading.notebook import read_notebook
from labkit.lab.grading.results import Results
from labkit.lab.grading.run import bank_digest, grade, grade_one, local
from labkit.lab.grading.sandbox import Limits, Plain
from labkit.lab.grading.submissions import Submission

ROOT = Path(__file__).resolve().parents[2]
SOLUTIONS = {path.name[:2]: path for path in (ROOT / "solutions").glob("*.ipynb")}
SLOW = 12  # how many of them the slow ones get: their rate needs no more


def submissions(number: str, count: int) -> list[Submission]:
    """Right solutions, each with a line of its own, so that none is taken for another."""
    cells = [cell for cell in read_notebook(SOLUTIONS[number].read_bytes()) if "check(" not in cell]
    return [Submission(f"student{at:05}", number, "made", (*cells, f"mine = {at}")) for at in range(count)]


def with_ours(work: Sequence[Submission], workers: int) -> None:
    """The sandboxed grader, from nothing to stored results."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Results(Path(folder) / "results.sqlite", bank_digest) as results,
    ):
        grade(work, results, pool=lambda: local(workers), workers=workers)
        outcomes = {row.outcome for row in results.rows()}
        if outcomes != {"passed"}:
            raise SystemExit(f"right solutions were graded as {outcomes}")


def with_subprocess(work: Sequence[Submission], workers: int) -> None:
    """A fresh Python for each, with no walls."""

    def one(submission: Submission) -> None:
        graded = grade_one(submission.exercise, submission.digest, submission.cells, Plain(), Limits())
        if graded.outcome != "passed":
            raise SystemExit(f"a right solution was graded as {graded.outcome}")

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, work))


def with_nbclient(work: Sequence[Submission], workers: int) -> None:
    """A kernel for each; nothing is judged."""
    import nbformat
    from nbclient import NotebookClient

    def one(submission: Submission) -> None:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in submission.cells])
        NotebookClient(notebook, kernel_name="python3", timeout=60).execute()

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, work))


def measured(
    run: Callable[[Sequence[Submission], int], None], work: Sequence[Submission], workers: int
) -> float:
    """Submissions a second."""
    began = time.perf_counter()
    run(work, workers)
    return len(work) / (time.perf_counter() - began)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--exercise", default="06")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    work = submissions(asked.exercise, asked.count)
    rates = {
        "bare nbclient, judges nothing": measured(with_nbclient, work[:SLOW], asked.workers),
        "fresh subprocess, no walls": measured(with_subprocess, work[: 4 * SLOW], asked.workers),
        "labkit grade, sandboxed": measured(with_ours, work, asked.workers),
    }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if asked.json:
        json.dump({"rates": rates, "peak_mb": peak, "count": asked.count}, sys.stdout)
        return
    lines = [f"{asked.count} submissions of exercise {asked.exercise}, {asked.workers} workers"]
    lines += [f"  {name:32} {rate:8.1f} a second" for name, rate in rates.items()]
    lines += [f"  {'memory of the run at its peak':32} {peak:8} MB", ""]
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
