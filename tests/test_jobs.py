"""Background jobs: nothing lost, nothing done twice, and a name for every stop."""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from handclock import Clock

from labkit.contracts import Answer, Failure, RotationDecision
from labkit.failures import Kind
from labkit.jobs import JobError, Jobs, JobState, Record, Status, progress_bar
from labkit.jobtable import Finished
from labkit.records import CallRecord

WORKERS = 2


def record_of(status: Kind) -> CallRecord:
    """Give the record of a call that ended so."""
    return CallRecord("trace_1", "decide_rotation", "practice-1", "rotation_decision@2", 1.0, status)


def numbered(count: int) -> list[tuple[str, object]]:
    """Give records r0, r1, …"""
    return [(f"r{number}", {"number": number}) for number in range(count)]


def double(record: Record) -> int:
    """Do the smallest work there is."""
    return 2 * record.payload["number"]


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    """Give an empty table of jobs."""
    return Jobs(tmp_path / "jobs.db")


def exported(jobs: Jobs, folder: Path, job: str = "nightly") -> tuple[list[dict], list[dict]]:
    """Read back what export wrote: results, dead letters."""
    jobs.export(job, folder / "results.jsonl", folder / "dead.jsonl")
    read = [(folder / name).read_text().splitlines() for name in ("results.jsonl", "dead.jsonl")]
    return tuple([json.loads(line) for line in lines] for lines in read)


def test_a_job_runs_to_its_end(jobs: Jobs, tmp_path: Path) -> None:
    """Every record once in the results, in the order they were enqueued."""
    assert 100 == jobs.enqueue("nightly", numbered(100))
    status = jobs.run("nightly", double)
    assert Status("nightly", JobState.FINISHED, "", 100, 0, 0, 100, 0, calls=100) == status
    results, dead = exported(jobs, tmp_path)
    assert ([(f"r{n}", 2 * n) for n in range(100)], []) == ([(r["id"], r["result"]) for r in results], dead)


def test_enqueuing_again_adds_only_what_is_new(jobs: Jobs) -> None:
    """A crash in the middle of enqueue is repaired by calling it again."""
    jobs.enqueue("nightly", numbered(10))
    assert 5 == jobs.enqueue("nightly", numbered(15))
    assert 15 == jobs.run("nightly", double).done


def test_an_id_keeps_its_payload(jobs: Jobs) -> None:
    """The same id with another payload is refused, not silently kept or replaced."""
    jobs.enqueue("nightly", [("r1", {"a": 1})])
    with pytest.raises(JobError, match="another payload"):
        jobs.enqueue("nightly", [("r1", {"a": 2})])


def test_a_half_enqueued_job_does_not_run(jobs: Jobs) -> None:
    """When the source of records breaks off, nothing starts until it was read to its end."""

    def breaks_off():
        yield "r0", {"number": 0}
        raise OSError

    with pytest.raises(OSError, match=r"^$"):
        jobs.enqueue("nightly", breaks_off())
    with pytest.raises(JobError, match="call enqueue"):
        jobs.run("nightly", double)
    jobs.enqueue("nightly", numbered(3))
    assert 3 == jobs.run("nightly", double).done


def test_an_unknown_job_is_named(jobs: Jobs) -> None:
    """A typing error is told from an empty job."""
    jobs.enqueue("nightly", [])
    assert JobState.FINISHED is jobs.status("nightly").state
    with pytest.raises(JobError, match="nightly"):
        jobs.status("nihgtly")


@dataclass
class Enriched:
    """A result of one's own."""

    window: int


@pytest.mark.parametrize(
    ("outcome", "stored"),
    [
        (
            Answer(
                RotationDecision(decision="eligible", rotation_window_days=30, source_line_ids=("P-7",)),
                record_of(Kind.OK),
            ),
            {"decision": "eligible", "rotation_window_days": 30, "source_line_ids": ["P-7"]},
        ),
        (Enriched(30), {"window": 30}),
        (None, None),
    ],
)
def test_work_may_return_what_the_boundary_returns(
    jobs: Jobs, tmp_path: Path, outcome: object, stored: object
) -> None:
    """An answer is stored as its value; plain values as they are."""
    jobs.enqueue("nightly", numbered(1))
    jobs.run("nightly", lambda _: outcome)
    assert [{"id": "r0", "calls": 1, "result": stored}] == exported(jobs, tmp_path)[0]


def test_a_failure_becomes_a_dead_letter(jobs: Jobs, tmp_path: Path) -> None:
    """It names kind, reason and next step; the other records go on; it can be tried again."""
    jobs.enqueue("nightly", numbered(3))

    def work(record: Record) -> object:
        if record.id == "r1" and record.attempt == 1:
            return Failure(Kind.INVALID_OUTPUT, "duplicate_key", record_of(Kind.INVALID_OUTPUT))
        return "fine"

    assert (2, 1) == ((status := jobs.run("nightly", work)).done, status.failed)
    letter = {"status": "invalid_output", "next_step": "hand_to_a_person", "reason": "duplicate_key"}
    assert [{"id": "r1", "calls": 1, "result": letter}] == exported(jobs, tmp_path)[1]
    assert 1 == jobs.retry_failed("nightly")
    assert (3, 0) == ((status := jobs.run("nightly", work)).done, status.failed)


def test_an_exception_in_work_costs_one_record(jobs: Jobs, tmp_path: Path) -> None:
    """The dead letter names the exception's type and none of its text."""
    jobs.enqueue("nightly", numbered(10))

    def work(record: Record) -> int:
        if record.id == "r3":
            raise ValueError("customer text")
        return 1

    assert (9, 1) == ((status := jobs.run("nightly", work)).done, status.failed)
    assert {"status": "exception", "reason": "ValueError"} == exported(jobs, tmp_path)[1][0]["result"]


@pytest.mark.parametrize("kind", [Kind.QUOTA_EXHAUSTED, Kind.AUTH, Kind.BUDGET_EXHAUSTED])
def test_a_failure_that_would_hit_every_record_pauses_the_job(jobs: Jobs, kind: Kind) -> None:
    """No dead letters for an empty quota: the records stay queued, and a later run goes on."""
    jobs.enqueue("nightly", numbered(100))
    status = jobs.run("nightly", lambda _: Failure(kind, "said so", record_of(kind)), workers=2)
    assert (JobState.PAUSED, str(kind), 100, 0) == (status.state, status.reason, status.queued, status.failed)
    assert status.calls <= 2
    assert 100 == jobs.run("nightly", double).done


def test_work_that_always_fails_is_not_done_50000_times(jobs: Jobs) -> None:
    """After give_up_after failures in a row the job pauses and says why."""
    jobs.enqueue("nightly", numbered(100))

    def broken(_: Record) -> None:
        raise TypeError

    status = jobs.run("nightly", broken, workers=1, give_up_after=10)
    assert (JobState.PAUSED, "10 failures in a row") == (status.state, status.reason)
    assert (10, 90) == (status.failed, status.queued)


def test_a_cancelled_job_starts_nothing_more(jobs: Jobs) -> None:
    """What is in flight is recorded; the rest stays queued until the job is reopened."""
    jobs.enqueue("nightly", numbered(100))

    def work(record: Record) -> int:
        if record.id == "r5":
            jobs.cancel("nightly")
        return double(record)

    status = jobs.run("nightly", work, workers=1)
    assert (JobState.CANCELLED, 6, 94) == (status.state, status.done, status.queued)
    assert 6 == jobs.run("nightly", double).done
    jobs.reopen("nightly")
    assert 100 == jobs.run("nightly", double).done


def test_progress_is_reported_up_to_the_end(jobs: Jobs) -> None:
    """The hook sees growing numbers, the last one complete; any process may poll the same."""
    jobs.enqueue("nightly", numbered(400))
    seen: list[int] = []
    jobs.run("nightly", double, progress=lambda status: seen.append(status.settled), progress_every_s=0.005)
    assert (sorted(seen), 400) == (seen, seen[-1])


def test_a_broken_progress_hook_stops_the_run_and_loses_nothing(jobs: Jobs) -> None:
    """The error reaches the caller; the records in flight are recorded, the rest can go on later."""
    jobs.enqueue("nightly", numbered(50))

    def hook(_: Status) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        jobs.run("nightly", lambda record: time.sleep(0.005) or double(record), progress=hook)
    status = jobs.run("nightly", double)
    assert (50, 50) == (status.done, status.calls)


def test_a_record_whose_worker_hangs_is_given_to_another(tmp_path: Path) -> None:
    """After the lease another worker takes it, and the late result does not count."""
    clock = Clock()
    jobs = Jobs(tmp_path / "jobs.db", clock=clock)
    jobs.enqueue("nightly", numbered(1))
    hung = jobs.table.next("nightly", None, lease_s=60)
    assert hung is not None
    assert 1 == jobs.table.requeue_lost("nightly")
    clock.now += 60
    assert (1, 2) == ((status := jobs.run("nightly", double)).done, status.calls)
    jobs.table.finish(Finished(hung, "failed", '"late"'))
    assert 1 == jobs.status("nightly").done


def test_the_bar_is_text() -> None:
    """One line that shows how far, how many failed, and the state."""
    status = Status("nightly", JobState.RUNNING, "", 5000, 2400, 4, 2584, 12, 2600)
    assert "[############............] 2596/5000 settled, 12 failed, running" == progress_bar(status)


# ── real processes, really killed ────────────────────────────────────────────────────────────────────


def counting(calls: Path, record: Record) -> int:
    """Note the call in a file that survives us, then work."""
    file = os.open(calls, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, f"{record.id}\n".encode())
    os.close(file)
    return double(record)


def in_child(work: Callable[[], object]) -> int:
    """Run work in a process of its own; return its number."""
    if (pid := os.fork()) == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def test_a_job_killed_twenty_times_finishes_with_every_record_once(tmp_path: Path) -> None:
    """5,000 records, 20 kills at random: no result lost or doubled; a kill costs a call a worker."""
    dice = random.Random(7)
    jobs, calls = Jobs(tmp_path / "jobs.db"), tmp_path / "calls"
    calls.touch()
    jobs.enqueue("nightly", numbered(5000))
    jobs.table.database.close()
    run = partial(jobs.run, "nightly", partial(counting, calls), workers=WORKERS, lease_s=600)
    cut = 0
    for _ in range(20):
        pid, enough = in_child(run), calls.stat().st_size + dice.randrange(300, 1300)
        while calls.stat().st_size < enough:
            time.sleep(0.0005)
        os.kill(pid, signal.SIGKILL)
        _, how = os.waitpid(pid, 0)
        cut += os.WIFSIGNALED(how)
    assert (20, JobState.RUNNING) == (cut, jobs.status("nightly").state)  # all kills hit a run in progress
    status = run()
    assert (JobState.FINISHED, 5000, 0) == (status.state, status.done, status.failed)
    results, _dead = exported(jobs, tmp_path)
    assert [(f"r{n}", 2 * n) for n in range(5000)] == [(r["id"], r["result"]) for r in results]
    made = Counter(calls.read_text().split())
    assert 5000 == len(made)
    assert made.total() - 5000 <= 20 * WORKERS


def test_two_processes_share_one_job(tmp_path: Path) -> None:
    """Both work, no record is called twice, and both come to an end."""
    jobs, calls = Jobs(tmp_path / "jobs.db"), tmp_path / "calls"
    jobs.enqueue("nightly", numbered(1000))
    jobs.table.database.close()
    pids = [in_child(lambda: jobs.run("nightly", partial(counting, calls), workers=1)) for _ in range(2)]
    for pid in pids:
        os.waitpid(pid, 0)
    assert ([1] * 1000, JobState.FINISHED) == (
        list(Counter(calls.read_text().split()).values()),
        jobs.status("nightly").state,
    )


def test_workers_really_work_at_the_same_time(jobs: Jobs) -> None:
    """Eight workers are inside their calls together."""
    jobs.enqueue("nightly", numbered(8))
    together = threading.Barrier(8, timeout=5)
    assert 8 == jobs.run("nightly", lambda _: together.wait() >= 0, workers=8).done
