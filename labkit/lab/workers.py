"""Two workers, one action, step by step: the real flow of an action, in virtual time.

Real processes race in real time, so nobody can choose who moves next, or stop the clock at the moment that
matters. But an action's course is a generator, so two of them can be moved by hand over one real ledger:

    story = two_workers(Promise.PLAIN_DOWNSTREAM, dies_after="effect", second_comes="after the lease")
    story.jobs        # how many jobs the service really created
    story.steps       # who did what, in order
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from labkit.idempotency import ActionError, Ledger, Promise, SQLiteLedger
from labkit.idempotency.once import Action, Call, Flow, Rules, act_flow
from labkit.idempotency.rules import Claim
from labkit.lab.present import Table

KEY = "create_rotation_job:acct_10234:P-7:v1"
PAYLOAD = {"account_id": "acct_10234", "policy_line_id": "P-7"}
LEASE_S = 60.0
DEATHS = ("never", "claim", "effect")
ARRIVALS = ("during the lease", "after the lease")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that one party did. `lane` is first worker, ledger, service or second worker."""

    lane: str
    what: str


@dataclass
class Story:
    """What happened, what the ledger says, and how many jobs exist."""

    steps: list[Step] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    told: str = ""
    ledger: Table = field(default_factory=lambda: Table([]))

    def table(self) -> Table:
        """The steps, numbered."""
        rows = [{"": at, "who": step.lane, "what": step.what} for at, step in enumerate(self.steps, 1)]
        return Table(rows, "Step by step")


def ledger_table(ledger: Ledger, caption: str = "The ledger") -> Table:
    """The ledger's rows without times and owners, which differ from run to run."""
    shown = ("key", "state", "fence", "result", "error")
    return Table([{name: getattr(row, name) for name in shown} for row in ledger.rows()], caption)


def two_workers(
    promise: Promise, *, dies_after: str = "effect", second_comes: str = "after the lease"
) -> Story:
    """Let a first worker act and perhaps die; then let a second one come with the same key."""
    story, clock = Story(), _Clock()
    with TemporaryDirectory() as folder:
        ledger = SQLiteLedger(Path(folder) / "actions.db", durable=False, clock=clock)
        service = _Service(promise, story)
        _first(story, _flow(ledger, promise, service), dies_after)
        if second_comes == ARRIVALS[1]:
            clock.now += LEASE_S + 1
            story.steps.append(Step("ledger", "the lease ends"))
        story.told = _second(story, _flow(ledger, promise, service))
        story.ledger = ledger_table(ledger)
        ledger.close()
    return story


class _Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class _Service:
    """The downstream: under one promise it honours keys, under the other each request is a job."""

    promise: Promise
    story: Story
    seen: dict[str, str] = field(default_factory=dict)

    def create(self, claim: Claim) -> str:
        """Create a job, or give the one of this key."""
        if self.promise is Promise.DOWNSTREAM_HONOURS_KEY and claim.key in self.seen:
            self.story.steps.append(Step("service", "knows the key: gives the same job, creates none"))
            return self.seen[claim.key]
        job = f"job_acct_10234_{len(self.story.jobs) + 1:03d}"
        self.story.jobs.append(job)
        self.seen[claim.key] = job
        self.story.steps.append(Step("service", f"creates {job}"))
        return job


def _flow(ledger: Ledger, promise: Promise, service: _Service) -> Flow:
    return act_flow(ledger, Rules(promise, LEASE_S), Action(KEY, PAYLOAD, service.create), wait_s=0.0)


def _first(story: Story, flow: Flow, dies_after: str) -> None:
    step = next(flow)
    claim: Any = step.work()  # type: ignore[union-attr]
    story.steps.append(Step("first worker", "claims the key"))
    story.steps.append(Step("ledger", f"in progress, fence {claim.fence}"))
    if dies_after == "claim":
        story.steps.append(Step("first worker", "is killed before it sends"))
        return
    step = flow.send(claim)
    story.steps.append(Step("first worker", "sends the request"))
    job = step.work()  # type: ignore[union-attr]
    if dies_after == "effect":
        story.steps.append(Step("first worker", "is killed before it records the answer"))
        return
    step = flow.send(job)
    try:
        flow.send(step.work())  # type: ignore[union-attr]
    except StopIteration as end:
        story.steps.append(Step("ledger", f"done: {end.value.result}"))


def _second(story: Story, flow: Flow) -> str:
    story.steps.append(Step("second worker", "asks with the same key"))
    value: Any = None
    try:
        while True:
            step = flow.send(value)
            if isinstance(step, Call):
                story.steps.append(Step("second worker", "has the claim, sends the request"))
            value = step.work()  # type: ignore[union-attr]
    except StopIteration as end:
        told = f"gets {end.value.result}"
    except ActionError as error:
        told = f"is refused: {type(error).__name__}"
    story.steps.append(Step("second worker", told))
    return told
