"""Where a bad handler runs: a provider's SDK as handlers know it, and a count of what really happened.

A review that says "this could be slow" convinces nobody. Here the handler runs against the practice provider
on a bad day, and five numbers are read off outside it::

    stage = Stage(["quota"] * 3)
    play(SHORT.load(stage.names), stage)      # what the customer saw, requests, seconds, log, records

Lesson time runs a hundred times as fast for the SDK's calls: 90 seconds of silence take 0.9 of yours.
"""

from __future__ import annotations

import hashlib
import json
import uuid
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from labkit.boundary import Transport
from labkit.deadline import Phases
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.connect import Lab, connect
from labkit.lab.provider.faults import Entry
from labkit.prompts import user_message
from labkit.providers.base import Fault, Request, Response
from labkit.transport import Http

CUSTOMER = "This is Ana Lima, customer 4471. Can I rotate the key of acct_10234?"  # invented
FASTER = 100  # seconds of lesson time in one second of yours, for calls through the SDK


class SDKError(Exception):
    """What the SDK raises, whatever went wrong."""


@dataclass
class Faster:
    """A transport whose time limits are `FASTER` times shorter than what was asked for."""

    inner: Transport

    def exchange(self, request: Request, seconds: float, phases: Phases) -> Response | Fault:
        """Send it, with a hundredth of the seconds."""
        return self.inner.exchange(request, seconds / FASTER, phases)

    def close(self) -> None:
        """Let go of the connections."""
        self.inner.close()


class SDK:
    """As much of a provider's SDK as the handlers use: `sdk.chat.completions.create(…)`."""

    def __init__(self, lab: Lab, api_key: str) -> None:
        http = Http(lab.provider.base_url, lab.boundary.adapter.auth_headers(api_key))
        weakref.finalize(self, http.close)
        self._http = lab.clock.over(Faster(http))
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._create))

    def _create(self, *, timeout: float, **body: Any) -> Any:
        request = Request("/v1/chat/completions", body)
        got = self._http.exchange(request, timeout, Phases())
        if isinstance(got, Fault):
            raise SDKError(f"no answer: {got.kind}")
        if got.status != 200:
            raise SDKError(f"status {got.status}")
        return json.loads(got.body, object_hook=lambda fields: SimpleNamespace(**fields))


class Service:
    """The rotation service as the long handler calls it: a job's id, or None when no answer came."""

    def __init__(self, lab: Lab) -> None:
        self._http = Http(lab.provider.base_url, {"Authorization": f"Bearer {lab.provider.key}"})
        weakref.finalize(self, self._http.close)

    def create(self, account_id: str, policy_line_id: str, key: str) -> str | None:
        """Ask for a job under this idempotency key."""
        body = {"account_id": account_id, "policy_line_id": policy_line_id}
        got = self._http.exchange(Request("/rotations", body, {"Idempotency-Key": key}), 5.0)
        return json.loads(got.body)["job_id"] if isinstance(got, Response) and got.status == 201 else None


@dataclass(eq=False)
class Stage:
    """A practice provider with a script, and the names that a handler finds around it."""

    script: Iterable[Entry] = ()
    actions: Sequence[Entry] = ()  # faults for the rotation service
    log: list[str] = field(default_factory=list)
    records: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lab = connect(script=self.script)
        if self.actions:
            self.lab.provider.script(self.actions, on="rotations")
        self.names: dict[str, Any] = {
            "sdk": SDK(self.lab, self.lab.provider.key),
            "SDK": lambda api_key: SDK(self.lab, api_key),
            "SDKError": SDKError,
            "service": Service(self.lab),
            "desk_prompt": desk_prompt,
            "log": self.log.append,
            "records": self.records,
            "sleep": self.lab.clock.sleep,
            "boundary": self.lab.boundary,
            **{module.__name__: module for module in (hashlib, json, uuid)},
        }


def desk_prompt(question: str) -> str:
    """Policy line, account facts and question, as the support desk writes them."""
    return user_message(replace(TASK, customer_question=question), EVIDENCE)


def play(handler: Callable[[Any], Any], stage: Stage, page: Any = CUSTOMER) -> dict[str, Any]:
    """Run a handler, and read off what happened: at the screen, at the provider, on the clock, in the log."""
    try:
        shown = str(handler(page))
    except Exception as error:  # noqa: BLE001 - whatever the handler lets through is what the screen gets
        shown = f"nothing: {type(error).__name__} ({error})"
    lab = stage.lab
    return {
        "the screen gets": shown,
        "requests": sum(seen.path.startswith("/v1") for seen in lab.provider.requests),
        "seconds": round(lab.clock.now),
        "customer's name in the log": "Ana Lima" in "".join(stage.log),
        "records for operations": len(lab.records) + len(stage.records),
    }
