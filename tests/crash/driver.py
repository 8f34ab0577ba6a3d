"""One run of the crash test: workers act and die, a supervisor raises them, then all is counted.

    python driver.py FOLDER STORE PROMISE SEED [CONTROL]   # STORE: "sqlite" or a connection string

Prints one JSON object: how many visits were cut at which point, and every broken promise that was found.
Workers are forked from this process with everything imported, so no kill is wasted on an import.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from controls import CONTROLS
from service import ask_service, note_cut, serve

from labkit.failures import LabkitError
from labkit.idempotency import (
    Applied,
    Claim,
    Ledger,
    LedgerError,
    Looked,
    Once,
    PayloadMismatch,
    PostgresLedger,
    Promise,
    Row,
    SQLiteLedger,
    State,
    reconcile,
)

WORKERS, LEASE_S, SETTLE_S = 4, 0.12, 0.25
STOP_S, STOP_AT_MOST_S = 0.2, 1.0
STOP_IN_TRANSACTION_S = 0.1  # everybody waits for a stopped transaction
AT_LEAST_S, AT_MOST_S = 0.8, 60.0
CUT, STOP = 0.07, 0.05
# The shared memory: one byte per worker "inside a visit", how many keys exist, which keys were cut lately,
# and which key each worker is at.
FRONTIER, HOT, HOT_PLACES, AT = 8, 16, 6, 40
WANTED = {"worker_claimed": 2, "worker_sent": 2, "stopped_claimed": 1, "stopped_sent": 1, "timer": 2}
WANTED_OF_SERVICE = {"service_before_apply": 1, "service_after_apply": 1, "service_late": 1}
WANTED_OF_FENCES = {"overtaken_sent": 1}
WANTED_OF_CONTROLS = {"worker_claimed": 4, "worker_sent": 4}


class Run:
    """What all processes of one run know."""

    def __init__(self, folder: Path, store: str, promise: Promise, seed: int, control: str | None) -> None:
        self.folder, self.promise, self.seed, self.control = folder, promise, seed, control
        self.ledger: Ledger
        if store == "sqlite":
            self.ledger = SQLiteLedger(folder / "a.db", durable=False, wait_s=0.2)
        else:
            self.ledger = PostgresLedger(store, wait_s=0.2)
        with self.ledger.transaction() as tx:
            for sql in (
                "DELETE FROM actions",
                "DROP TABLE IF EXISTS rotations",
                "CREATE TABLE rotations (account TEXT)",
            ):
                tx.execute(sql)
        self.ledger.close()
        door = CONTROLS[control][0] if control else Once
        self.once = door(self.ledger, promise, lease_s=LEASE_S, settle_s=SETTLE_S)
        self.shared = mmap.mmap(-1, 64)
        self.service = -1
        for name in ("effects", "cuts", "answers"):
            (folder / name).touch()

    def keys(self) -> int:
        """Count the keys that exist so far."""
        return int.from_bytes(self.shared[FRONTIER : FRONTIER + 4], "big")

    def heat(self, number: int) -> None:
        """Note that a visit to this key is being cut, so that others come and try it."""
        place = HOT + 4 * (number % HOT_PLACES)
        self.shared[place : place + 4] = number.to_bytes(4, "big")

    def pick(self, dice: random.Random) -> int:
        """Choose a key: one that was cut lately, a new one, or any."""
        count, kind = self.keys(), dice.random()
        if kind < 0.35:
            place = HOT + 4 * dice.randrange(HOT_PLACES)
            return int.from_bytes(self.shared[place : place + 4], "big")
        return dice.randrange(max(0, count - 8), count + 1) if kind < 0.8 else dice.randrange(count + 1)

    def wanted(self) -> dict[str, int]:
        """Say how many visits must be cut where before the run counts."""
        if self.control:
            return {"overtaken_sent": 4} if self.control == "no_fence" else WANTED_OF_CONTROLS
        wanted = WANTED
        if self.promise is not Promise.SAME_TRANSACTION:
            wanted = wanted | WANTED_OF_SERVICE
        if self.promise is Promise.DOWNSTREAM_HONOURS_KEY:
            wanted = wanted | WANTED_OF_FENCES
        return wanted

    def cuts(self) -> Counter[str]:
        """Count the cuts so far."""
        return Counter((self.folder / "cuts").read_text().split())

    def start_service(self, *, faults: bool) -> None:
        """Start the service, again if need be."""
        honours = self.promise is Promise.DOWNSTREAM_HONOURS_KEY
        self.seed += 1
        self.service = forked(partial(serve, self.folder, honours=honours, faults=faults, seed=self.seed))


def forked(work: Callable[[], None]) -> int:
    """Run work in a process of its own; return its number."""
    if (pid := os.fork()) == 0:
        try:
            work()
        finally:
            os._exit(1)
    return pid


def account(number: int) -> str:
    """Name the business identity behind a key."""
    return f"acct_{number:05d}"


def key(number: int) -> str:
    """Name the key of an identity."""
    return f"create_rotation_job:{account(number)}:P-7:v1"


# ── a worker ─────────────────────────────────────────────────────────────────────────────────────────


def work(run: Run, slot: int, seed: int) -> None:
    """Act on keys, new and old, for ever; die or stop where the dice say so."""
    dice = random.Random(seed)
    answers = os.open(run.folder / "answers", os.O_WRONLY | os.O_APPEND)
    while True:
        count = run.keys()
        if dice.random() < 0.4:
            run.shared[FRONTIER : FRONTIER + 4] = (count + 1).to_bytes(
                4, "big"
            )  # two may write the same: fine
        number = run.pick(dice)
        run.shared[AT + 4 * slot : AT + 4 * slot + 4] = number.to_bytes(4, "big")
        run.shared[slot] = 1
        try:
            result, first = run.once.run(
                key(number), {"account": account(number)}, partial(effect, run, dice, number)
            )
            os.write(answers, json.dumps([number, result, first]).encode() + b"\n")
            wrong_payload(run, dice, number, answers)
        except (LabkitError, OSError):
            pass
        run.shared[slot] = 0
        time.sleep(dice.random() * 0.004)


def effect(run: Run, dice: random.Random | None, number: int, claim: Claim) -> str:
    """Create the job; with dice, maybe die or stop just before or just after."""
    cut(run, dice, claim, "claimed")
    if claim.tx is not None:
        claim.tx.execute("INSERT INTO rotations (account) VALUES (?)", (account(number),))
        job = f"job_{account(number)}"
    else:
        job = str(ask_service(run.folder, op="create", key=claim.key, account=account(number)))
    cut(run, dice, claim, "sent")
    return job


def cut(run: Run, dice: random.Random | None, claim: Claim, where: str) -> None:
    """Maybe die here, or stop here until the supervisor lets us go on, long after the lease."""
    if dice is None:
        return
    roll = dice.random()
    if roll < CUT + STOP:
        run.heat(int(claim.key.split(":")[1].removeprefix("acct_")))
    if roll < CUT:
        note_cut(run.folder, f"worker_{where}")
        os.kill(os.getpid(), signal.SIGKILL)
    elif roll < CUT + STOP:
        note_cut(run.folder, f"stopped_{where}")
        os.kill(os.getpid(), signal.SIGSTOP)
        row = run.ledger.row(claim.key) if claim.tx is None else None
        if row and row.fence != claim.fence:
            note_cut(run.folder, f"overtaken_{where}")


def wrong_payload(run: Run, dice: random.Random, number: int, answers: int) -> None:
    """Bring a key that was just answered with another payload; note it when that is answered too."""
    if dice.random() < 0.1:
        try:
            run.once.run(key(number), {"account": "acct_other"}, lambda _: "wrong")
            os.write(answers, json.dumps([number, "other payload answered", False]).encode() + b"\n")
        except PayloadMismatch:
            pass


# ── the supervisor ───────────────────────────────────────────────────────────────────────────────────


class Nap:
    """How long a stopped worker stays stopped: past its lease, and best until another took over."""

    def __init__(self, run: Run, slot: int, now: float) -> None:
        self.run = run
        self.key = key(int.from_bytes(run.shared[AT + 4 * slot : AT + 4 * slot + 4], "big"))
        self.fence = self._fence()
        whole = run.promise is Promise.SAME_TRANSACTION
        self.earliest = now + (STOP_IN_TRANSACTION_S if whole else STOP_S)
        self.latest = now + STOP_AT_MOST_S if run.promise is Promise.DOWNSTREAM_HONOURS_KEY else self.earliest

    def _fence(self) -> int:
        try:
            row = self.run.ledger.row(self.key)
        except LedgerError:
            return -1
        return row.fence if row else 0

    def is_over(self, now: float) -> bool:
        """Say whether to let the worker go on."""
        return now >= self.latest or (now >= self.earliest and self._fence() != self.fence)


def supervise(run: Run) -> None:
    """Keep workers and service running, kill and stop them by timer, look at doubtful actions meanwhile."""
    dice = random.Random(run.seed * 7919)
    slots: dict[int, int] = {}
    naps: dict[int, Nap] = {}
    started = time.monotonic()
    next_kill = next_look = started + 0.1

    def spawn(slot: int) -> None:
        run.shared[slot] = 0
        slots[forked(partial(work, run, slot, dice.randrange(1 << 30)))] = slot

    run.start_service(faults=True)
    for slot in range(WORKERS):
        spawn(slot)
    while True:
        now = time.monotonic()
        enough = not Counter(run.wanted()) - run.cuts()
        if (enough and now - started > AT_LEAST_S) or now - started > AT_MOST_S:
            break
        pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
        if pid and os.WIFSTOPPED(status):
            naps[pid] = Nap(run, slots[pid], now)
        elif pid and pid == run.service:
            run.start_service(faults=True)
        elif pid:
            naps.pop(pid, None)
            spawn(slots.pop(pid))
        for sleeper in [pid for pid, nap in naps.items() if nap.is_over(now)]:
            os.kill(sleeper, signal.SIGCONT)
            del naps[sleeper]
        if now >= next_kill:
            kill_by_timer(run, dice, {pid: slot for pid, slot in slots.items() if pid not in naps})
            next_kill = now + dice.uniform(0.02, 0.12)
        if now >= next_look:
            look(run)
            next_look = now + 0.1
        time.sleep(0.002)
    for pid in [*slots, run.service]:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def kill_by_timer(run: Run, dice: random.Random, slots: dict[int, int]) -> None:
    """Kill a worker, or stop it, wherever it is; count it only when it was inside a visit."""
    if not slots:
        return
    pid = dice.choice(list(slots))
    if dice.random() < 0.25:
        os.kill(pid, signal.SIGSTOP)
        return
    os.kill(pid, signal.SIGKILL)
    if run.shared[slots[pid]]:
        note_cut(run.folder, "timer")


def look(run: Run) -> list[tuple[str, str]]:
    """Reconcile what is doubtful, as an operator's job would."""

    def lookup(row: Row) -> Applied | Looked:
        job = ask_service(run.folder, op="lookup", key=row.key)
        return Applied(job) if job else Looked.NOT_APPLIED

    try:
        return reconcile(run.once, lookup)
    except LedgerError:
        return []


def settle(run: Run) -> None:
    """With no more faults, bring every key to its end, as the next day's retries would."""
    run.start_service(faults=False)
    give_up = time.monotonic() + 3.0
    todo = set(range(run.keys() + 1))
    while todo and time.monotonic() < give_up:
        look(run)
        for number in sorted(todo):
            try:
                run.once.run(key(number), {"account": account(number)}, partial(effect, run, None, number))
                todo.discard(number)
            except (LabkitError, OSError):
                pass
        time.sleep(0.05 if todo else 0)
    os.kill(run.service, signal.SIGKILL)
    os.waitpid(run.service, 0)


# ── the count ────────────────────────────────────────────────────────────────────────────────────────


def violations(run: Run) -> list[str]:
    """Compare what the service really did with what the ledger says and what callers were told."""
    found = []
    truth = effects(run)
    told: dict[int, list[Any]] = defaultdict(list)
    for line in (run.folder / "answers").read_text().splitlines():
        number, result, first = json.loads(line)
        told[number].append((result, first))
    rows = {row.key: row for row in run.ledger.rows()}
    for number in range(run.keys() + 1):
        jobs, row = truth.get(account(number), []), rows.get(key(number))
        if len(jobs) != 1:
            found.append(f"{account(number)}: {len(jobs)} effects")
        if row is None or row.state != State.DONE:
            found.append(f"{account(number)}: never done")
        if sum(first for _, first in told[number]) > 1:
            found.append(f"{account(number)}: two winners")
        said = {result for result, _ in told[number]} | ({json.loads(row.result or "null")} if row else set())
        if said - set(jobs):
            found.append(f"{account(number)}: an answer that no effect gave")
    return found


def effects(run: Run) -> dict[str, list[str]]:
    """Read the truth: the service's own file, or the table that the transaction wrote."""
    made: dict[str, list[str]] = defaultdict(list)
    if run.promise is Promise.SAME_TRANSACTION:
        with run.ledger.transaction() as tx:
            for (name,) in tx.execute("SELECT account FROM rotations"):
                made[name].append(f"job_{name}")
    for line in (run.folder / "effects").read_text().splitlines():
        effect = json.loads(line)
        made[effect["account"]].append(effect["job"])
    return made


def main() -> None:
    """Run once and report."""
    folder, store, promise, seed, *control = sys.argv[1:]
    run = Run(Path(folder), store, Promise(promise), int(seed), control[0] if control else None)
    supervise(run)
    settle(run)
    report = {
        "violations": violations(run),
        "cuts": run.cuts(),
        "missed": Counter(run.wanted()) - run.cuts(),
        "keys": run.keys() + 1,
    }
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main()
