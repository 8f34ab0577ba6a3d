"""Offline work for lesson 13: many accounts, a loop that forgets, a job that is killed, a batch with gaps.

Work that nobody watches fails differently from a call that somebody awaits: the process dies, the order is
lost, some records never come back. Small numbers of real records show all of it in seconds:

    loop_that_dies(lab, 30, dies_at=20)      # what was paid for, and what is left of it
    job_that_is_killed(lab, 200)             # the same accident, with a job
    lab_batch(lab, 12)                       # a batch that comes back with errors and gaps
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from labkit.batch import Item, OpenAIBatch, SortedOut
from labkit.batchrun import Batches
from labkit.boundary import Boundary
from labkit.contracts import Answer, Evidence, Task
from labkit.jobs import Jobs, Record, Status
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.connect import MODEL, Lab
from labkit.lab.present import Table
from labkit.lab.scrub import REPLY
from labkit.transport import Http

WORKERS = 2


def account(number: int) -> tuple[Task, Evidence]:
    """The lesson's question for one of many accounts; every third key is not stale."""
    name = f"acct_{number:05d}"
    facts = {**EVIDENCE.facts, "account_id": name, "key_stale": number % 3 != 0}
    task = replace(TASK, account_id=name, trace_id=f"trace_{name}")
    return task, replace(EVIDENCE, facts=facts)


def loop_that_dies(lab: Lab, records: int, dies_at: int) -> dict[str, int]:
    """Call in a loop and keep the answers in a dict; the process ends half way, and its memory with it."""
    answers: dict[str, Any] = {}
    for number in range(records):
        if number == dies_at:
            answers.clear()  # what a restart leaves of a dict
            break
        answers[f"acct_{number:05d}"] = lab.boundary.call(*account(number))
    return {"records": records, "calls that were paid for": lab.provider.count, "answers left": len(answers)}


def awaited_and_streamed(lab: Lab) -> Table:
    """The same draft twice: what each costs, and in how many pieces it can be seen."""
    lab.boundary.call(REPLY, EVIDENCE)
    with lab.boundary.stream(REPLY, EVIDENCE) as stream:
        drafts = list(stream)
    pieces = (1, len(drafts))
    rows = [
        {"draft": how, "pieces seen": count, "tokens out": record.output_tokens, "cost": record.cost}
        for how, count, record in zip(("awaited", "streamed"), pieces, lab.records[-2:], strict=True)
    ]
    return Table(rows)


# ── a job whose process is killed ────────────────────────────────────────────────────────────────


def decide(boundary: Boundary, record: Record) -> Any:
    """What the job does with one record."""
    return boundary.call(*account(record.payload["number"]))


def work_on(path: str, url: str, key: str) -> Status:
    """Run the job until it is finished; in a process of its own, or in this one."""
    with Boundary.open("openai", url, key, model=MODEL) as boundary:
        return Jobs(path).run("nightly", lambda record: decide(boundary, record), workers=WORKERS)


def job_that_is_killed(lab: Lab, records: int) -> dict[str, Any]:
    """Start a job in a process, kill it in the middle, and let another process go on."""
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "jobs.db")
        jobs = Jobs(path)
        jobs.enqueue("nightly", ((f"acct_{number:05d}", {"number": number}) for number in range(records)))
        order = json.dumps([path, lab.provider.base_url, lab.provider.key])
        worker = subprocess.Popen([sys.executable, "-m", "labkit.lab.offline", order])  # noqa: S603 - our own module
        while jobs.status("nightly").done < records // 4:
            if worker.poll() is not None:
                raise RuntimeError("the worker ended before it could be killed")
            time.sleep(0.002)
        worker.kill()
        worker.wait()
        half = jobs.status("nightly")
        status = work_on(path, lab.provider.base_url, lab.provider.key)
        jobs.table.database.close()
    return {
        "records": records,
        "killed in the middle": 0 < half.done < records,
        "done": status.done,
        "failed": status.failed,
        f"calls made twice: {WORKERS} at most": status.calls - records <= WORKERS,
    }


# ── a batch ──────────────────────────────────────────────────────────────────────────────────────


@dataclass
class LabBatch:
    """One batch on the practice provider, whose clock is moved instead of waited for.

    It holds the lab, whose provider lives as long as somebody does.
    """

    lab: Lab
    batches: Batches
    items: list[Item]
    batch_id: str

    def files(self) -> Table:
        """The result files as they came, line by line."""
        status = self.batches.wait(self.batch_id)
        rows = []
        for name, request in zip(("output", "error"), self.batches.wire.results(status), strict=False):
            content = self.batches.transport.exchange(request, 10.0, self.batches.policy.phases)
            lines = getattr(content, "body", b"").decode().splitlines()
            rows += [
                {"file": name, "line": at, "custom_id": json.loads(line)["custom_id"]}
                for at, line in enumerate(lines, 1)
            ]
        return Table(rows, "What came back, in the order in which it came")

    def sorted_out(self) -> SortedOut:
        """The same, sorted by id."""
        return self.batches.collect(self.batches.wait(self.batch_id), self.items)


def lab_batch(lab: Lab, count: int, fault: str = "batch_fails:5+batch_loses:1") -> LabBatch:
    """Send `count` accounts as one batch; by default every fifth fails and one is lost."""
    items = [Item(task.account_id, task, evidence) for task, evidence in map(account, range(count))]
    wire = OpenAIBatch()
    http = Http(lab.provider.base_url, wire.adapter.auth_headers(lab.provider.key))
    lab.provider.script([fault], on="batches")
    batches = Batches(wire, http, lab.boundary.policy, sleep=lab.provider.advance)
    return LabBatch(lab, batches, items, batches.submit(items, label="lesson"))


def as_table(items: list[Item], found: SortedOut) -> Table:
    """Every id that was sent, and where it ended."""
    rows = []
    for item in items:
        answer = found.done.get(item.custom_id)
        failure = found.failed.get(item.custom_id)
        place = "done" if answer else "failed" if failure else "missing"
        said = (
            answer.value.decision if isinstance(answer, Answer) else failure.kind.value if failure else None
        )
        rows.append({"custom_id": item.custom_id, "ended": place, "said": said})
    return Table(rows, "The same batch, joined by custom_id")


if __name__ == "__main__":
    work_on(*json.loads(sys.argv[1]))
