"""Background jobs: slow, long work that outlives the process that started it.

A loop over 50,000 records that dies at 41,000 loses everything, or starts over and pays twice.
A job keeps every record's state in a file, so a killed run goes on where it was,
and repeats at most the one call that each worker had in flight:

    jobs = Jobs("jobs.db")
    jobs.enqueue("nightly", ((account.id, account.facts) for account in accounts))
    jobs.run("nightly", work, workers=8, progress=lambda status: print(progress_bar(status)))
    jobs.export("nightly", "results.jsonl", "dead_letters.jsonl")

`work(record)` makes one call, usually `boundary.call(task, evidence)`; only the boundary retries.
A record may be called twice when a worker dies, so `work` decides and never acts; actions go through `Once`.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

from labkit.contracts import Answer, Failure
from labkit.failures import Kind
from labkit.idempotency.outcomes import to_json
from labkit.jobtable import Claimed, Finished, JobError, JobState, JobTable, Status

__all__ = ["JobError", "JobState", "Jobs", "Record", "Status", "progress_bar"]

# These fail every record alike: stop, keep the records queued, and tell operations.
STOP_ON = frozenset({Kind.QUOTA_EXHAUSTED, Kind.AUTH, Kind.PERMISSION, Kind.BUDGET_EXHAUSTED})


@dataclass(frozen=True, slots=True)
class Record:
    """One record as `work` sees it. `attempt` is above 1 when an earlier worker died with it."""

    id: str
    payload: Any
    attempt: int


Work = Callable[[Record], Any]


class Jobs:
    """The jobs in one file, for workers of one machine.

    `durable=False` (the default) survives killed processes; after a power cut the last records are called
    again. `clock` is the wall clock in seconds, shared by all processes.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        durable: bool = False,
        wait_s: float = 5.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.table = JobTable(path, durable=durable, wait_s=wait_s, clock=clock)
        self._sleep = sleep

    def enqueue(self, job: str, records: Iterable[tuple[str, Any]]) -> int:
        """Add (id, payload) pairs to a job; return how many are new. Safe to repeat after a crash."""
        return self.table.add(job, records)

    def run(
        self,
        job: str,
        work: Work,
        *,
        workers: int = 4,
        lease_s: float = 120.0,
        give_up_after: int = 50,
        progress: Callable[[Status], None] | None = None,
        progress_every_s: float = 0.25,
    ) -> Status:
        """Work until nothing is left, the job is cancelled, or it has to pause; return its status.

        `work` returns JSON, a dataclass or pydantic value, an `Answer` or a `Failure`. Failures, exceptions
        become dead letters. A quota or credential failure, or `give_up_after` failures in a row, pause
        the job.
        `lease_s` must exceed the longest call. Other processes may run the same job at the same time.
        """
        if self.status(job).state is JobState.FILLING:
            raise JobError(f"{job!r} is not completely enqueued; call enqueue with the same records again")
        self.table.move(job, JobState.RUNNING, only_from=JobState.PAUSED)
        crew = _Crew(self.table, job, work, lease_s, give_up_after)
        threads = [threading.Thread(target=crew.labour, daemon=True) for _ in range(workers)]
        try:
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                for thread in threads:
                    thread.join(progress_every_s / workers)
                if progress:
                    progress(self.status(job))
        except BaseException:
            crew.stop.set()  # each worker still records the call that it has in flight
            raise
        for thread in threads:
            thread.join()
        if crew.error:
            raise crew.error
        return self.status(job)

    def status(self, job: str) -> Status:
        """Say how far a job is; any process may ask at any time."""
        return self.table.status(job)

    def cancel(self, job: str) -> Status:
        """Start no more records of a job; those in flight are still recorded."""
        self.table.move(job, JobState.CANCELLED)
        return self.status(job)

    def reopen(self, job: str) -> Status:
        """Let a cancelled job run again."""
        self.table.move(job, JobState.RUNNING, only_from=JobState.CANCELLED)
        return self.status(job)

    def retry_failed(self, job: str) -> int:
        """Queue the dead letters again; return how many."""
        return self.table.requeue_failed(job)

    def export(self, job: str, results: str | Path, dead_letters: str | Path) -> tuple[int, int]:
        """Write results and dead letters as JSON Lines, each file whole or not at all; return both counts."""
        return _write(Path(results), self.table.ended(job, "done")), _write(
            Path(dead_letters), self.table.ended(job, "failed")
        )


class _Crew:
    """The workers of one run."""

    def __init__(self, table: JobTable, job: str, work: Work, lease_s: float, give_up_after: int) -> None:
        self.table, self.job, self.work, self.lease_s = table, job, work, lease_s
        self.give_up_after = give_up_after
        self.failures_in_a_row = 0
        self.stop = threading.Event()
        self.error: BaseException | None = None

    def labour(self) -> None:
        """Claim, work, record, until there is nothing to do."""
        finished: Finished | None = None
        try:
            while not self.stop.is_set():
                claimed = self.table.next(self.job, finished, self.lease_s)
                finished = None
                if claimed is not None:
                    finished = self._do(claimed)
                elif not self._wait_for_others():
                    return
            if finished:
                self.table.finish(finished)
        except BaseException as error:  # noqa: BLE001 - raised again by `run`
            self.error = error
            self.stop.set()

    def _wait_for_others(self) -> bool:
        """With nothing queued, take back what the dead held; False when there is nothing to wait for."""
        held = self.table.requeue_lost(self.job)
        status = self.table.status(self.job)
        if status.state is not JobState.RUNNING:
            return False
        if held and not status.queued:
            self.stop.wait(0.05)
        return True

    def _do(self, claimed: Claimed) -> Finished:
        try:
            outcome = self.work(Record(claimed.id, json.loads(claimed.payload), claimed.attempt))
            if isinstance(outcome, Failure):
                return self._failed(claimed, outcome.kind, {**outcome.summary(), "reason": outcome.reason})
            text = to_json(_plain(outcome), "what work returned")
        except Exception as error:  # noqa: BLE001 - one bad record must not stop the others
            return self._failed(claimed, None, {"status": "exception", "reason": type(error).__name__})
        self.failures_in_a_row = 0
        return Finished(claimed, "done", text)

    def _failed(self, claimed: Claimed, kind: Kind | None, letter: Mapping[str, str]) -> Finished:
        self.failures_in_a_row += 1
        if kind in STOP_ON:
            self._pause(str(kind))
            return Finished(claimed, "queued")
        if self.failures_in_a_row >= self.give_up_after:
            self._pause(f"{self.failures_in_a_row} failures in a row")
        return Finished(claimed, "failed", to_json(letter, "a dead letter"))

    def _pause(self, reason: str) -> None:
        self.table.move(self.job, JobState.PAUSED, reason, only_from=JobState.RUNNING)
        self.stop.set()


def _plain(value: Any) -> Any:
    """Turn an answer, a pydantic model or a dataclass into plain JSON values."""
    if isinstance(value, Answer):
        return _plain(value.value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    part = path.with_name(path.name + ".part")
    count = 0
    with part.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return count


def progress_bar(status: Status, width: int = 24) -> str:
    """Draw one line of text: `[############............] 2500/5000 done, 12 failed, running`."""
    filled = width * status.settled // max(1, status.total)
    bar = "#" * filled + "." * (width - filled)
    return f"[{bar}] {status.settled}/{status.total} settled, {status.failed} failed, {status.state}"
