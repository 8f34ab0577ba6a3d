"""Real worker processes, moved step by step, and really killed: what each design does to one rotation job.

A race in one thread convinces nobody, and one between two free processes goes well nine times of ten.
These workers are processes of their own that say what they did and wait for a word, so the bad moment
happens every time:

    stage = Stage()
    stage.both("check, then act")           # both look before either writes
    stage.killed("claim first", promise)    # killed when the job exists and its record does not
    stage.jobs                              # what the rotation service really created
"""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from labkit.actions import RotationService
from labkit.failures import LabkitError
from labkit.idempotency import ActionError, Claim, Once, Promise, SQLiteLedger
from labkit.idempotency.sqlite import Database
from labkit.lab.provider import Provider, practice
from labkit.lab.workers import KEY, PAYLOAD
from labkit.transport import Http

NOTES = "CREATE TABLE IF NOT EXISTS notes (key TEXT, job TEXT)"
Say = Callable[[str], None]
LEASE_S = 0.2


# ── the worker's side ────────────────────────────────────────────────────────────────────────────


def check_then_act(service: RotationService, folder: Path, say: Say, promise: Promise) -> str:  # noqa: ARG001
    """Look in a durable table; if there is nothing, act, then write. Durable, and still two steps."""
    notes = Database(folder / "notes.db", NOTES)
    found = notes.read("SELECT job FROM notes WHERE key = ?", (KEY,))
    say("looked: " + ("found a job" if found else "no job yet"))
    if found:
        return str(found[0][0])
    job = service.create(PAYLOAD, Claim(f"{KEY}.{secrets.token_hex(4)}", 1, "nobody", 0.0))
    say("acted")
    notes.write("INSERT INTO notes VALUES (?, ?)", (KEY, job))
    return job


def remember_in_a_dict(service: RotationService, folder: Path, say: Say, promise: Promise) -> str:  # noqa: ARG001
    """Keep the answers in memory. Each process has a memory of its own, and it dies with it."""
    memory: dict[str, str] = {}
    say("looked: " + ("found a job" if KEY in memory else "no job yet"))
    memory[KEY] = service.create(PAYLOAD, Claim(f"{KEY}.{secrets.token_hex(4)}", 1, "nobody", 0.0))
    say("acted")
    return memory[KEY]


def key_per_attempt(service: RotationService, folder: Path, say: Say, promise: Promise) -> str:
    """Use the ledger, with a fresh key for every attempt: to the receiver each one is a new action."""
    return claim_first(service, folder, say, promise, f"{KEY}.{secrets.token_hex(4)}")


def claim_first(service: RotationService, folder: Path, say: Say, promise: Promise, key: str = KEY) -> str:
    """Claim, act, record, under a key from business identity."""
    once = Once(SQLiteLedger(folder / "actions.db"), promise, lease_s=LEASE_S)

    def effect(claim: Claim) -> str:
        say("claimed")
        job = service.create(PAYLOAD, claim)
        say("acted")
        return job

    say("came")
    job, first = once.run(key, PAYLOAD, effect, wait_s=0.0)
    return f"{job} ({'acted' if first else 'stored answer'})"


DESIGNS: dict[str, Callable[..., str]] = {
    "check, then act": check_then_act,
    "a dict in memory": remember_in_a_dict,
    "a key per attempt": key_per_attempt,
    "claim first": claim_first,
}


def main() -> None:
    """Run one worker; each line out is a step, each line in lets it go on."""
    order = json.loads(sys.argv[1])

    def say(step: str) -> None:
        sys.stdout.write(json.dumps({"step": step}) + "\n")
        sys.stdout.flush()
        if not sys.stdin.readline():
            sys.exit(0)

    with Http(order["url"], {"authorization": f"Bearer {order['key']}"}) as http:
        try:
            promise = Promise(order["promise"])
            end = DESIGNS[order["design"]](RotationService(http), Path(order["folder"]), say, promise)
        except ActionError as error:
            end = type(error).__name__
    sys.stdout.write(json.dumps({"end": end}) + "\n")


# ── the lesson's side ────────────────────────────────────────────────────────────────────────────


class Worker:
    """One worker process. It stands still until it is told to go on."""

    def __init__(self, provider: Provider, folder: Path, design: str, promise: Promise) -> None:
        order = {
            "url": provider.base_url,
            "key": provider.key,
            "folder": str(folder),
            "design": design,
            "promise": promise.value,
        }
        command = [sys.executable, "-m", "labkit.lab.race", json.dumps(order)]
        self._process = subprocess.Popen(  # noqa: S603 - our own module, our own words
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.steps: list[str] = []
        self.end: str | None = None

    def next(self) -> str:
        """Read what the worker did; it waits behind that."""
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            told = self._process.stderr.read() if self._process.stderr else ""
            raise LabkitError(f"the worker process ended by itself; wanted a step. It said: {told[-500:]}")
        said: dict[str, Any] = json.loads(line)
        if "end" in said:
            self.end = str(said["end"])
            self._process.wait()
            return self.end
        self.steps.append(said["step"])
        return str(said["step"])

    def go(self) -> None:
        """Let it take its next step."""
        if self._process.stdin:
            self._process.stdin.write("\n")
            self._process.stdin.flush()

    def finish(self) -> str:
        """Let it run to its end; return what it got."""
        while self.end is None:
            self.go()
            self.next()
        return self.end

    def kill(self) -> None:
        """Kill it where it stands, as the operating system does: it cannot clean up."""
        self._process.kill()
        self._process.wait()
        self.end = "killed"

    def close(self) -> None:
        """End the process, if it still runs."""
        if self._process.poll() is None:
            self.kill()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()


class Stage:
    """A rotation service that counts, and a folder for the workers' files."""

    def __init__(self) -> None:
        with contextlib.ExitStack() as stack:
            self.provider = stack.enter_context(practice())
            self._home = Path(stack.enter_context(TemporaryDirectory()))
            key = {"authorization": f"Bearer {self.provider.key}"}
            self.service = RotationService(stack.enter_context(Http(self.provider.base_url, key)))
            self._workers: list[Worker] = []
            stack.callback(_close, self._workers)
            self._end = weakref.finalize(self, stack.pop_all().close)
        self._runs = 0
        self.folder = self._home

    @property
    def jobs(self) -> list[str]:
        """What the rotation service really created since the stage was last set."""
        return [effect.job_id for effect in self.provider.rotations.effects]

    def ledger(self) -> SQLiteLedger:
        """The ledger that the last workers shared."""
        return SQLiteLedger(self.folder / "actions.db")

    def set(self, *, honours_keys: bool) -> None:
        """Begin again: a fresh folder, no jobs."""
        self._runs += 1
        self.folder = self._home / str(self._runs)
        self.folder.mkdir()
        self.provider.rotations.clear()
        self.provider.rotations.honours_keys = honours_keys

    def worker(self, design: str, promise: Promise = Promise.PLAIN_DOWNSTREAM) -> Worker:
        """Start one more worker over the same folder."""
        made = Worker(self.provider, self.folder, design, promise)
        self._workers.append(made)
        return made

    def both(self, design: str, *, honours_keys: bool = False) -> dict[str, Any]:
        """Two workers at once: both take one step, then the first goes to its end, then the second."""
        self.set(honours_keys=honours_keys)
        pair = [self.worker(design), self.worker(design)]
        for worker in pair:
            worker.next()
        ends = [worker.finish() for worker in pair]
        return {"design": design, "first worker": ends[0], "second worker": ends[1], "jobs": len(self.jobs)}

    def killed(self, design: str, promise: Promise) -> Worker:
        """One worker, killed when the job exists and its record does not; return a second one."""
        self.set(honours_keys=promise is Promise.DOWNSTREAM_HONOURS_KEY)
        worker = self.worker(design, promise)
        while worker.next() != "acted":
            worker.go()
        worker.kill()
        return self.worker(design, promise)

    def close(self) -> None:
        """End the workers and the service. Happens by itself when the stage is no longer used."""
        self._end()


def _close(workers: list[Worker]) -> None:
    for worker in workers:
        worker.close()


if __name__ == "__main__":
    main()
