"""The durable table behind a job: one row for each record, claimed like any action.

A queue in memory forgets a job when its process dies. A queue that deletes a record when it hands it out
loses the one that a dead worker held. Here a record is claimed with a lease and a fence, and its result is
written under that fence, in the same transaction that claims the next one:

    table = JobTable("jobs.db")
    claimed = table.next("nightly", finished=None, lease_s=60)   # a Claimed record, or None
    table.next("nightly", finished=Finished(claimed, "done", '"eligible"'), lease_s=60)
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from labkit.failures import LabkitError
from labkit.idempotency.outcomes import to_json
from labkit.idempotency.owners import new_owner, owner_is_gone
from labkit.idempotency.sqlite import Database, SQLiteTx

SCHEMA = """CREATE TABLE IF NOT EXISTS jobs (
    job TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY, job TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL,
    fence INTEGER NOT NULL, owner TEXT NOT NULL, lease_until REAL NOT NULL,
    payload TEXT NOT NULL, result TEXT, UNIQUE (job, id));
CREATE INDEX IF NOT EXISTS records_queued ON records (job, number) WHERE state = 'queued'"""
CLAIM = """UPDATE records SET state = 'in_progress', fence = fence + 1, owner = ?, lease_until = ?
    WHERE number = (SELECT number FROM records WHERE job = ? AND state = 'queued' ORDER BY number LIMIT 1)
    AND (SELECT state FROM jobs WHERE job = ?) = 'running' RETURNING number, id, payload, fence, owner"""
# The fence counts claims, so it is also the number of calls that this record has cost.
FINISH = """UPDATE records SET state = ?, result = ? WHERE number = ? AND fence = ? AND owner = ?
    AND state = 'in_progress'"""
HELD = "SELECT number, fence, owner, lease_until FROM records WHERE job = ? AND state = 'in_progress'"
REQUEUE = """UPDATE records SET state = 'queued' WHERE number = ? AND fence = ? AND owner = ?
    AND state = 'in_progress'"""
COUNTS = "SELECT state, count(*), sum(fence) FROM records WHERE job = ? GROUP BY state"
ENDED = "SELECT id, result, fence FROM records WHERE job = ? AND state = ? ORDER BY number"


class JobState(StrEnum):
    """Where a job stands. FILLING: `enqueue` has not come to its end yet."""

    FILLING = "filling"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"


class JobError(LabkitError):
    """A job that does not exist, is not complete, or holds another payload under the same record id."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """One record in a worker's hands. `attempt` is 1 for the first call; `payload` is JSON text."""

    number: int
    id: str
    payload: str
    attempt: int
    owner: str


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of a claimed record: state "done", "failed", or "queued" to give it back."""

    claimed: Claimed
    state: str
    result: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """How far a job is. `calls` counts every claim, repeated ones too."""

    job: str
    state: JobState
    reason: str
    total: int
    queued: int
    in_progress: int
    done: int
    failed: int
    calls: int

    @property
    def settled(self) -> int:
        """Records that need no more work."""
        return self.done + self.failed


class JobTable:
    """The rows of all jobs in one SQLite file. Not on a network drive; see `labkit.idempotency.sqlite`."""

    def __init__(
        self, path: str | Path, *, durable: bool, wait_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self.database = Database(path, SCHEMA, durable=durable, wait_s=wait_s)
        self.clock = clock

    def add(self, job: str, records: Iterable[tuple[str, Any]]) -> int:
        """Add records that are not there yet; return how many. Adding the same ones again changes nothing."""
        with self.database.transaction() as tx:
            tx.execute(
                "INSERT INTO jobs VALUES (?, 'filling', '', ?) ON CONFLICT DO NOTHING", (job, self.clock())
            )
        added = 0
        for batch in _batches(records, 1000):
            with self.database.transaction() as tx:
                added += sum(self._add(tx, job, record_id, payload) for record_id, payload in batch)
        self.move(job, JobState.RUNNING, only_from=JobState.FILLING)
        return added

    def _add(self, tx: SQLiteTx, job: str, record_id: str, payload: Any) -> bool:
        text = to_json(payload, "a record's payload")
        new = tx.execute(
            """INSERT INTO records (job, id, payload, state, fence, owner, lease_until)
            VALUES (?, ?, ?, 'queued', 0, '', 0) ON CONFLICT DO NOTHING RETURNING number""",
            (job, record_id, text),
        )
        if not new:
            there = tx.execute("SELECT payload FROM records WHERE job = ? AND id = ?", (job, record_id))
            if there[0][0] != text:
                raise JobError(
                    f"record {record_id!r} of {job!r} is there with another payload; use another id"
                )
        return bool(new)

    def next(self, job: str, finished: Finished | None, lease_s: float) -> Claimed | None:
        """Write what was finished and claim the next record, in one transaction; None: nothing is queued."""
        with self.database.transaction() as tx:
            if finished is not None:
                self._finish(tx, finished)
            rows = tx.execute(CLAIM, (new_owner(), self.clock() + lease_s, job, job))
        return Claimed(*rows[0]) if rows else None

    def finish(self, finished: Finished) -> None:
        """Write what was finished; a claim that was lost meanwhile changes nothing."""
        with self.database.transaction() as tx:
            self._finish(tx, finished)

    @staticmethod
    def _finish(tx: SQLiteTx, finished: Finished) -> None:
        claimed = finished.claimed
        tx.execute(FINISH, (finished.state, finished.result, claimed.number, claimed.attempt, claimed.owner))

    def requeue_lost(self, job: str) -> int:
        """Put records back whose lease ended or whose process is gone; return how many are still held."""
        held = self.database.read(HELD, (job,))
        now = self.clock()
        lost = [row[:3] for row in held if now >= row[3] or owner_is_gone(row[2])]
        if lost:
            with self.database.transaction() as tx:
                for row in lost:
                    tx.execute(REQUEUE, row)
        return len(held) - len(lost)

    def requeue_failed(self, job: str) -> int:
        """Put the dead letters back for another round; return how many."""
        return self.database.write(
            "UPDATE records SET state = 'queued' WHERE job = ? AND state = 'failed'", (job,)
        )

    def move(self, job: str, state: JobState, reason: str = "", *, only_from: JobState | None = None) -> None:
        """Set a job's state; with `only_from`, only when it is in that one."""
        self.database.write(
            "UPDATE jobs SET state = ?, reason = ? WHERE job = ? AND state = coalesce(?, state)",
            (state.value, reason, job, only_from and only_from.value),
        )

    def status(self, job: str) -> Status:
        """Count a job's records by state."""
        found = self.database.read("SELECT state, reason FROM jobs WHERE job = ?", (job,))
        if not found:
            raise JobError(
                f"there is no job {job!r}; wanted one that was enqueued, such as {self.jobs()[:3]}"
            )
        counts = {state: (count, calls) for state, count, calls in self.database.read(COUNTS, (job,))}
        number = {
            state: counts.get(state, (0, 0))[0] for state in ("queued", "in_progress", "done", "failed")
        }
        state = JobState(found[0][0])
        if state is JobState.RUNNING and not number["queued"] and not number["in_progress"]:
            state = JobState.FINISHED
        calls = sum(calls for _, calls in counts.values())
        return Status(job, state, found[0][1], sum(number.values()), **number, calls=calls)

    def jobs(self) -> list[str]:
        """Name all jobs, oldest first."""
        return [job for (job,) in self.database.read("SELECT job FROM jobs ORDER BY created_at")]

    def ended(self, job: str, state: str) -> Iterator[dict[str, Any]]:
        """Yield the records that ended in a state, in the order they were enqueued."""
        for record_id, result, calls in self.database.read(ENDED, (job, state)):
            yield {"id": record_id, "calls": calls, "result": json.loads(result or "null")}


def _batches(records: Iterable[tuple[str, Any]], size: int) -> Iterator[Sequence[tuple[str, Any]]]:
    batch: list[tuple[str, Any]] = []
    for record in records:
        batch.append(record)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
