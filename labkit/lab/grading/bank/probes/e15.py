"""Exercise 15: the five pieces of a boundary."""

import json
from typing import Any

from labkit.lab.grading.fakes import Draws, FakeClock
from labkit.lab.grading.observe import Code


def calls(code: Code, case: Any) -> Any:
    """The limit of each request, the waits between them, and the end."""
    clock, limits = FakeClock(), []

    def send(limit: Any) -> Any:
        limits.append(limit)
        takes, http, kind, reply = case["replies"][min(len(limits), len(case["replies"])) - 1]
        clock.advance(min(takes, limit))
        if takes > limit or http is None:
            raise TimeoutError
        return http, kind, reply

    draws = Draws(case["draws"])
    ended = code.call(
        send, case["seconds"], case["max_retries"], clock=clock, sleep=clock.sleep, random=draws
    )
    return [limits, clock.slept, ended]


def reads(code: Code, case: Any) -> Any:
    """What a reply is taken for."""
    return code.read_reply(dict(case["reply"]), dict(case["lines"]))


class Desk:
    """A ledger and a rotation service that keep one list of what they were asked."""

    def __init__(self, lost: Any, number: int) -> None:
        self.lost, self.number = lost, number
        self.asked: list[Any] = []
        self.noted: dict[Any, Any] = {}
        self.jobs: dict[Any, str] = {}

    def claim(self, key: Any) -> Any:
        """Write a key down; give the job that is noted under it."""
        self.asked.append(["claim", key])
        return self.noted.setdefault(key, None)

    def done(self, key: Any, job: Any) -> None:
        """Note a job."""
        self.asked.append(["done", key, job])
        self.noted[key] = job

    def create(self, key: Any) -> str:
        """Create a job once for each key; some answers get lost on their way back."""
        self.asked.append(["create", key])
        job = self.jobs.setdefault(key, f"job_{self.number + len(self.jobs)}")
        if sum(name == "create" for name, *_ in self.asked) in self.lost:
            raise ConnectionError("the answer was lost")
        return job


def acts(code: Code, case: Any) -> Any:
    """What each press was told, what was asked of ledger and service, and how many jobs there are."""
    desk = Desk(case["lost"], case["number"])
    told = [
        code.act(account, json.loads(json.dumps(read)), desk, desk.create)
        for account, read in case["presses"]
    ]
    return [told, desk.asked, len(desk.jobs)]


def records(code: Code, case: Any) -> Any:
    """The row of a call."""
    return code.record(json.loads(json.dumps(case["event"])))


def drafts(code: Code, case: Any) -> Any:
    """The draft after each event."""
    return code.draft([dict(event) for event in case["events"]])


PROBES = {"calls": calls, "reads": reads, "acts": acts, "records": records, "drafts": drafts}
