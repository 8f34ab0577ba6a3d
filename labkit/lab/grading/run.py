"""Grade a class: every submission once, whatever happens on the way.

Graders that keep results in memory lose them with the first crash, and grade everything again. Here the table
is the truth: a result is stored under (exercise, digest of the work, digest of the bank). So a killed run
resumes, a re-run grades only what changed, identical work is graded once, and after a fix in the bank both
marks are there.

    with Results(out / "results.sqlite", bank_digest) as results:
        grade(find(places), results, pool=lambda: local(2), workers=2)
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from labkit.lab.grading import bank
from labkit.lab.grading.judge import Exercise
from labkit.lab.grading.results import Graded, Results
from labkit.lab.grading.sandbox import Limits, Plain, Ran, Runner, Sandbox
from labkit.lab.grading.submissions import Submission, latest

AHEAD = 4  # submissions in flight for each worker: enough to keep it busy, few enough to keep memory flat
MOST_TRIES = 3  # a worker that dies takes others' work along; only what fails again and again is given up
SEEDED_BY = ("judge.py", "observe.py", "child.py")


@cache
def bank_digest(exercise: str) -> str:
    """Names everything that a mark depends on besides the work, in 16 hex digits. `UnknownExercise`."""
    bank.load(exercise)
    grading = Path(bank.__file__).parent.parent
    files = [grading / name for name in SEEDED_BY]
    files += [grading / "bank" / side / f"e{exercise}.py" for side in ("probes", "judges")]
    files += sorted(path for path in grading.glob("fakes*.py"))
    hashed = hashlib.sha256()
    for path in files:
        hashed.update(path.read_bytes())
    return hashed.hexdigest()[:16]


def seed_for(exercise: str, digest: str) -> Random:
    """The inputs that this work is asked with: the same at every grading, others for other work."""
    return Random(hashlib.sha256(f"{exercise}:{digest}".encode()).digest())


def grade_one(exercise: str, digest: str, cells: tuple[str, ...], runner: Runner, limits: Limits) -> Graded:
    """Run one submission and judge what was seen. Never raises: a fault of ours is `grader_error`."""
    began = time.perf_counter()
    try:
        asked = bank.load(exercise)
        cases = asked.draw(seed_for(exercise, digest))
        ran = runner.run({"cells": list(cells), "exercise": exercise, "cases": cases}, limits)
        graded = judged(asked, cases, ran)
    except Exception as error:  # noqa: BLE001 - whatever broke, it is not the student's fault
        graded = ("grader_error", 0.0, {"grader_error": type(error).__name__})
    outcome, points, report = graded
    return Graded(
        exercise=exercise,
        digest=digest,
        bank=bank_digest(exercise),
        outcome=outcome,
        points=points,
        worth=bank.load(exercise).worth,
        report=json.dumps(report, sort_keys=True),
        seconds=round(time.perf_counter() - began, 3),
    )


def judged(exercise: Exercise, cases: dict[str, Any], ran: Ran) -> tuple[str, float, dict[str, Any]]:
    """The outcome, the points, and the report as plain JSON."""
    if ran.ended != "done" or ran.result is None:
        return ran.ended, 0.0, {"findings": [], "errors": []}
    seen, errors = ran.result.get("observations"), ran.result.get("errors")
    told = [error for error in errors if isinstance(error, str)][:50] if isinstance(errors, list) else []
    report = exercise.judge(cases, seen if isinstance(seen, dict) else {}, told)
    outcome = "passed" if report.passed else "failed"
    if not report.passed and any("MemoryError" in error for error in told):
        outcome = "out_of_memory"
    elif not report.passed and any("no end within" in error for error in told):
        outcome = "timeout"
    return outcome, report.points, {"findings": [asdict(f) for f in report.findings], "errors": told}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, for whoever shows it."""

    done: int
    total: int
    fresh: int
    seconds: float


_own = (
    threading.local()
)  # a sandbox runs one submission at a time, and a Dask worker may have several threads


def _work(exercise: str, digest: str, cells: tuple[str, ...], limits: Limits, *, sandboxed: bool) -> Graded:
    runner: Runner | None = getattr(_own, "runner", None)
    if runner is None:
        runner = _own.runner = Sandbox() if sandboxed else Plain()
    return grade_one(exercise, digest, cells, runner, limits)


def local(workers: int) -> concurrent.futures.Executor:
    """A pool of processes, each with a sandbox of its own."""
    spawn = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(workers, spawn, initializer=_end_with_parent)


def _end_with_parent() -> None:
    """A worker whose run was killed would wait for work for ever, and keep its sandbox."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def grade(
    submissions: Iterable[Submission],
    results: Results,
    *,
    pool: Callable[[], concurrent.futures.Executor],
    workers: int = 2,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    sandboxed: bool = True,
    told: Callable[[Progress], None] = lambda _: None,
) -> int:
    """Grade what has no result yet, and note who handed in what. Gives how many were graded.

    `pool` makes the executor: `local` here, or a cluster's. Work that is lost with a worker is asked for
    again, three times at most; then it is `grader_error`, which a later run tries anew.
    """
    began = time.perf_counter()
    handed_in = list(latest(submissions))
    todo: dict[tuple[str, str], Submission] = {}
    for submission in handed_in:
        results.note(submission)
        known = submission.exercise in bank.numbers()
        if known and not submission.problem and not results.has(submission.exercise, submission.digest):
            todo[(submission.exercise, submission.digest)] = submission
    total = len(todo)
    results.commit()
    for done, graded in enumerate(
        _graded(list(todo.values()), pool, workers, limits, sandboxed=sandboxed), 1
    ):
        results.keep(graded)
        told(Progress(done, total, total, time.perf_counter() - began))
    results.commit()
    return total


def _graded(
    todo: list[Submission],
    pool: Callable[[], concurrent.futures.Executor],
    workers: int,
    limits: Limits,
    *,
    sandboxed: bool,
) -> Iterator[Graded]:
    """Results as they come, with a bounded number in flight; a broken pool is replaced."""
    queue = deque((submission, 1) for submission in todo)
    while queue:
        with pool() as executor:
            flying: dict[concurrent.futures.Future[Graded], tuple[Submission, int]] = {}
            broken = False
            while (queue or flying) and not broken:
                while queue and len(flying) < workers * AHEAD:
                    submission, tries = queue.popleft()
                    work = (submission.exercise, submission.digest, submission.cells, limits)
                    flying[executor.submit(_work, *work, sandboxed=sandboxed)] = (submission, tries)
                ready, _ = concurrent.futures.wait(flying, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in ready:
                    submission, tries = flying.pop(future)
                    error = CancelledError() if future.cancelled() else future.exception()
                    if error is None:
                        yield future.result()
                        continue
                    broken = broken or isinstance(error, BrokenExecutor)
                    if tries < MOST_TRIES:
                        queue.append((submission, tries + 1))
                    else:
                        yield _ours_to_blame(submission, error)
            queue.extend(flying.values())


def _ours_to_blame(submission: Submission, error: BaseException) -> Graded:
    return Graded(
        submission.exercise,
        submission.digest,
        bank_digest(submission.exercise),
        "grader_error",
        0.0,
        bank.load(submission.exercise).worth,
        json.dumps({"grader_error": type(error).__name__}),
        0.0,
    )
