"""The capstone's service in this process, under one fault, with everything that can be counted.

A page shows one end at a time, and never what it cost. Here a question is asked and the job button pressed in
code, and the requests and jobs are counted where they arrive::

    ending("quota")                        # one row: how reply, decision and job ended
    with rehearse("lost_response") as room:
        room.ask()
        room.press(), room.jobs            # what the page is told; what the rotation service holds
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from labkit.lab.capstone.service import FAULTS, Desk, answering, create_service, desk_for
from labkit.lab.case import TASK
from labkit.lab.provider import Provider, practice

PATIENCE_S = 2.0  # of one call; short, so that silence does not bore


@dataclass
class Rehearsal:
    """An open desk, seen from the browser's side and from behind it."""

    client: TestClient
    desk: Desk
    provider: Provider
    case: str = ""

    def ask(self, question: str = TASK.customer_question) -> list[tuple[str, dict[str, Any]]]:
        """Send a question; the events that the page is given, in order."""
        blocks = self.client.post("/ask", json={"question": question}).text.strip().split("\n\n")
        named = (block.split("\n") for block in blocks)
        events = [(name.removeprefix("event: "), json.loads(data[6:])) for name, data in named]
        self.case = events[-1][1]["case"]
        return events

    def press(self) -> dict[str, Any]:
        """Press the job button once; what the page is told."""
        told: dict[str, Any] = self.client.post("/rotate", json={"case": self.case}).json()
        return told

    def press_at_once(self, times: int) -> list[dict[str, Any]]:
        """Press it so often that no press waits for another's answer."""
        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(lambda _: self.press(), range(times)))

    async def ask_and_cancel(self) -> list[str]:
        """Ask, and cancel after the first word, as the server does when a browser leaves; the events seen."""
        seen: list[str] = []
        word = asyncio.Event()

        async def read() -> None:
            async for part in answering(self.desk, self.desk.task(TASK.customer_question)):
                seen.append(part)
                if '"text": ""' not in part:
                    word.set()

        reading = asyncio.create_task(read())
        await word.wait()
        reading.cancel()
        await asyncio.wait([reading])
        await self.desk.boundary.aclose()
        return seen

    @property
    def jobs(self) -> list[str]:
        """The jobs that the rotation service really holds."""
        return [effect.job_id for effect in self.provider.rotations.effects]


@contextlib.contextmanager
def rehearse(fault: str = "none") -> Iterator[Rehearsal]:
    """A desk with a provider and a ledger of its own, and one fault ahead of it."""
    with tempfile.TemporaryDirectory() as folder, practice() as provider:
        desk = desk_for(provider, Path(folder) / "actions.db", PATIENCE_S)
        desk.fault(fault)
        with TestClient(create_service(desk)) as client:
            yield Rehearsal(client, desk, provider)


def ending(fault: str) -> dict[str, Any]:
    """One question and one press under a fault: how each ended, and what arrived at the provider."""
    with rehearse(fault) as room:
        events = dict(room.ask())
        requests = room.provider.count
        return {
            "fault": FAULTS[fault][0],
            "reply": events["reply"]["record"]["status"],
            "decision": events["decision"]["record"]["status"],
            "next step": events["decision"].get("next_step"),
            "requests": requests,
            "button": room.press()["status"],
            "jobs": len(room.jobs),
        }
