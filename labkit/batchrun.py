"""Sending batches and waiting for them, until every item is done, failed or named as missing.

A batch is created by one request whose answer can be lost, and takes hours in which your process can die.
So only harmless requests are repeated, the batch's id is handed out at once for you to keep, and what is
missing at the end is sent again, and nothing else:

    batches = Batches(OpenAIBatch(), transport, policy)
    sorted_out = batches.run(items, remember=lambda batch_id, ids: print(batch_id, file=log))
    sorted_out.done["acct_10234"].value
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from labkit.actions import Sends
from labkit.batch import (
    BatchError,
    BatchStatus,
    Item,
    SortedOut,
    Wire,
    check_items,
    read_lines,
    reconcile_batch,
)
from labkit.deadline import Clock
from labkit.flow import Call, Policy, Senses
from labkit.providers.base import Fault, Request, Response, at, read_object
from labkit.records import CallRecord

Remember = Callable[[str, tuple[str, ...]], None]


class BatchUnsure(BatchError):
    """The answer to `create` was lost, so a batch may be running: look for its label before the next one."""


class BatchLate(BatchError):
    """The time that you gave is over and the batch is not. Its id is kept; collect it later."""


class Batches:
    """Batches over one transport.

    `size` is how many items go into one batch: the providers take 50,000 and more, but a result file has to
    fit into what the transport reads (8 MiB). `every_s` is the time between two looks at a batch.
    """

    def __init__(
        self,
        wire: Wire,
        transport: Sends,
        policy: Policy,
        *,
        size: int = 2_000,
        every_s: float = 30.0,
        request_s: float = 60.0,
        sinks: Iterable[Callable[[CallRecord], None]] = (),
        clock: Clock = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = random.random,
    ) -> None:
        self.wire, self.transport, self.policy = wire, transport, policy
        self.size, self.every_s, self.request_s = size, every_s, request_s
        self.sinks = tuple(sinks)
        self.senses = Senses(clock, wall, random)
        self._sleep = sleep

    def submit(self, items: Sequence[Item], label: str = "batch") -> str:
        """Create one batch and return its id. Keep it: it is all that connects you to the results."""
        check_items(items)
        requests = {
            item.custom_id: self.wire.adapter.request(
                item.task, item.evidence, self.policy.models.serving(item.task)
            )
            for item in items
        }
        upload = self.wire.uploads(requests)
        file_id = None if upload is None else str(at(self._ask(upload), "id"))
        create = self.wire.create(requests, file_id, label)
        got = self.transport.exchange(create, self.request_s, self.policy.phases)
        if isinstance(got, Fault) or got.status >= 500:
            said = got.reason if isinstance(got, Fault) else f"http_{got.status}"
            raise BatchUnsure(f"creating the batch ended in {said}; look for the label {label!r} first")
        return self.wire.status(self._body(got)).id

    def status(self, batch_id: str) -> BatchStatus:
        """Say how far a batch is."""
        return self.wire.status(self._ask(self.wire.ask(batch_id)))

    def cancel(self, batch_id: str) -> BatchStatus:
        """Stop a batch; what is done by then can be collected."""
        return self.wire.status(self._ask(self.wire.cancel(batch_id)))

    def wait(self, batch_id: str, timeout_s: float = 25 * 3600.0) -> BatchStatus:
        """Look at a batch until it is over. Raises `BatchError` for one that failed as a whole."""
        waited = 0.0
        while (status := self.status(batch_id)).state == "running":
            if waited >= timeout_s:
                raise BatchLate(
                    f"{batch_id} is {status.said} after {waited:,.0f} s; collect it later by its id"
                )
            self._sleep(self.every_s)
            waited += self.every_s
        if status.state == "failed":
            told = "; ".join(f"{code} in line {line}" for code, line in status.reasons[:5])
            raise BatchError(f"{batch_id} failed as a whole: {told or status.said}; nothing of it ran")
        return status

    def collect(self, status: BatchStatus, items: Sequence[Item]) -> SortedOut:
        """Read every result file of a batch that is over, and sort its items."""
        lines = [
            line
            for request in self.wire.results(status)
            for line in read_lines(self.wire, self._content(request))
        ]
        calls = {
            item.custom_id: Call(item.task, item.evidence, self.wire.adapter, self.policy, self.senses)
            for item in items
        }
        found = reconcile_batch(calls, lines)
        answers, failures = found.done.values(), found.failed.values()
        for record in (*(one.record for one in answers), *(one.record for one in failures)):
            for sink in self.sinks:
                sink(record)
        return found

    def run(
        self,
        items: Sequence[Item],
        *,
        rounds: int = 3,
        label: str = "batch",
        remember: Remember = lambda _id, _ids: None,
    ) -> SortedOut:
        """Submit, wait and collect; send what is missing again, in at most `rounds` rounds.

        `remember` is called with each batch's id and custom ids as soon as they are known.
        """
        check_items(items)
        whole, todo = SortedOut(), list(items)
        for turn in range(1, rounds + 1):
            found = self._round(todo, f"{label}-{turn}", remember)
            whole.done.update(found.done)
            whole.failed.update(found.failed)
            whole = SortedOut(whole.done, whole.failed, found.missing, whole.strangers + found.strangers)
            todo = [item for item in todo if item.custom_id in set(found.missing)]
            if not todo:
                break
        return whole

    def _round(self, items: Sequence[Item], label: str, remember: Remember) -> SortedOut:
        parts = [items[start : start + self.size] for start in range(0, len(items), self.size)]
        started = []
        for number, part in enumerate(parts, 1):
            batch_id = self.submit(part, f"{label}-{number}")
            remember(batch_id, tuple(item.custom_id for item in part))
            started.append((batch_id, part))
        whole = SortedOut()
        for batch_id, part in started:
            found = self.collect(self.wait(batch_id), part)
            whole.done.update(found.done)
            whole.failed.update(found.failed)
            missing, strangers = whole.missing + found.missing, whole.strangers + found.strangers
            whole = SortedOut(whole.done, whole.failed, missing, strangers)
        return whole

    # ── requests that may be repeated ──

    def _ask(self, request: Request) -> Any:
        return self._body(self._patiently(request))

    def _content(self, request: Request) -> bytes:
        got = self._patiently(request)
        if got.status >= 300:
            raise BatchError(
                f"a result file answered {got.status}; wanted 200. The batch can be collected again"
            )
        return got.body

    def _patiently(self, request: Request) -> Response:
        """Send a request that changes nothing, or nothing that costs; again while that may help."""
        delay = 0.0
        for attempt in range(1, 6):
            got = self.transport.exchange(request, self.request_s, self.policy.phases)
            if isinstance(got, Response) and got.status < 500 and got.status not in {408, 429}:
                return got
            delay = self.policy.backoff.delay(attempt, self.senses.random, delay)
            self._sleep(delay)
        said = got.reason if isinstance(got, Fault) else f"http_{got.status}"
        raise BatchError(f"the provider does not answer ({said}); the batch goes on, ask again by its id")

    def _body(self, got: Response) -> Any:
        body = read_object(got.body)
        if got.status >= 300 or body is None:
            codes = ", ".join(self.wire.adapter.error_codes(got)) or "no code"
            raise BatchError(f"the provider answered {got.status} ({codes}); wanted a batch. Fix the request")
        return body
