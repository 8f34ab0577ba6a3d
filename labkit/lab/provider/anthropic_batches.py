"""Anthropic Message Batches: requests in one call, results as JSON Lines when all have ended.

There is one result file, in no particular order, and four ways for a request to end: succeeded,
errored, canceled, expired. A batch has "ended" whatever became of its requests.

    POST /v1/messages/batches {"requests": [{"custom_id", "params"}]}
    GET  /v1/messages/batches[/{id}[/results]]     POST …/{id}/cancel     DELETE …/{id}
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from labkit.lab.provider.batchwork import DAY, Phase, Work
from labkit.lab.provider.checks import ANTHROPIC, Fields
from labkit.lab.provider.desk import Incoming
from labkit.lab.provider.draft import dumps
from labkit.lab.provider.problems import Problem, anthropic_error
from labkit.lab.provider.reply import Reply, json_reply
from labkit.lab.provider.state import State

MOST_REQUESTS = 100_000
BROKEN = Problem(500, None, "The request could not be processed.")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

Answer = Callable[[dict[str, Any]], str]


@dataclass(frozen=True, slots=True)
class _Result:
    """How one request ended: its kind, and its line as JSON text."""

    kind: str
    line: str


@dataclass(slots=True)
class _Batch:
    id: str
    ids: list[str]
    work: Work[_Result]
    results: bytes | None = None


class AnthropicBatches:
    """The message batches endpoint. `answer(params)` is one message as JSON text, or a Problem raised."""

    def __init__(self, state: State, answer: Answer) -> None:
        self.state = state
        self._answer = answer
        self._batches: dict[str, _Batch] = {}
        state.on_reset(self._batches.clear)

    async def create(self, incoming: Incoming) -> Reply:
        """POST /v1/messages/batches."""
        fields = Fields(incoming.json(), ANTHROPIC)
        requests = fields.items("requests", required=True)
        fields.no_others("requests")
        if len(requests) > MOST_REQUESTS:
            raise fields.refuse("requests", f"at most {MOST_REQUESTS} requests")
        ids = [request.text("custom_id", required=True) or "" for request in requests]
        for request, custom_id in zip(requests, ids, strict=True):
            request.object("params")
            if _ID.fullmatch(custom_id) is None:
                raise request.refuse("custom_id", "1 to 64 letters, digits, _ or -")
        if len(set(ids)) != len(ids):
            raise fields.refuse("requests", "a custom_id that is unique within the batch")
        params = [request.body["params"] for request in requests]
        batch = self._new(ids, params, {fault.name: fault.number for fault in incoming.plan})
        return json_reply(await self._object(batch, incoming))

    async def one(self, incoming: Incoming) -> Reply:
        """GET /v1/messages/batches/{id}."""
        return json_reply(await self._object(self._find(incoming), incoming))

    async def listing(self, incoming: Incoming) -> Reply:
        """GET /v1/messages/batches."""
        data = [await self._object(batch, incoming) for batch in reversed(self._batches.values())]
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
        return json_reply({"data": data, "has_more": False, "first_id": None, "last_id": None, **ends})

    async def cancel(self, incoming: Incoming) -> Reply:
        """POST /v1/messages/batches/{id}/cancel."""
        batch = self._find(incoming)
        batch.work.cancel(self.state.now())
        return json_reply(await self._object(batch, incoming))

    async def delete(self, incoming: Incoming) -> Reply:
        """DELETE /v1/messages/batches/{id}, once it has ended."""
        batch = self._find(incoming)
        if not batch.work.is_over(self.state.now()):
            raise Problem(400, None, "A batch that has not ended cannot be deleted: cancel it first.")
        del self._batches[batch.id]
        return json_reply({"id": batch.id, "type": "message_batch_deleted"})

    async def results(self, incoming: Incoming) -> Reply:
        """GET /v1/messages/batches/{id}/results."""
        batch, now = self._find(incoming), self.state.now()
        if not batch.work.is_over(now):
            raise Problem(400, None, "This batch has not ended: its results are not there yet.")
        if batch.results is None:
            rows = await self._all(batch, now)
            lines = [rows[index].line for index in batch.work.shuffled(len(rows))]
            batch.results = "".join(line + "\n" for line in lines).encode()
        return Reply(200, [batch.results], {}, "application/x-jsonl")

    def _find(self, incoming: Incoming) -> _Batch:
        batch = self._batches.get(incoming.part("id"))
        if batch is None:
            raise Problem(404, None, "No message batch has this id.")
        return batch

    def _new(self, ids: list[str], params: list[dict[str, Any]], asked: dict[str, float]) -> _Batch:
        batch_id = self.state.next_id("msgbatch_")
        every = 1 if "batch_all_fail" in asked else int(asked.get("batch_fails", 0))
        work: Work[_Result] = Work(
            len(ids),
            lambda index: self._run(
                ids[index], params[index], broken=bool(every) and (index + 1) % every == 0
            ),
            self.state.now(),
            asked.get("batch_takes", self.state.batch_seconds),
            random.Random(batch_id),
            int(asked.get("batch_loses", 0)),
        )
        batch = self._batches[batch_id] = _Batch(batch_id, ids, work)
        return batch

    def _run(self, custom_id: str, params: dict[str, Any], *, broken: bool) -> _Result:
        if broken:
            return self._errored(custom_id, BROKEN)
        try:
            # The message is JSON text already: see `anthropic_messages.message`.
            told = '{"type":"succeeded","message":' + self._answer(params) + "}"
            return _Result("succeeded", f'{{"custom_id":{dumps(custom_id)},"result":{told}}}')
        except Problem as problem:
            return self._errored(custom_id, problem)

    def _errored(self, custom_id: str, problem: Problem) -> _Result:
        error = anthropic_error(problem, self.state.next_id("req_"))
        return _result(custom_id, {"type": "errored", "error": error})

    async def _all(self, batch: _Batch, now: float) -> list[_Result]:
        """Every request's result: what ran, and what was cut off by the end of the batch."""
        rows = await batch.work.settled(now)
        if not batch.work.is_over(now):
            return rows
        kind = "canceled" if batch.work.phase(now) is Phase.CANCELLED else "expired"
        return [*rows, *(_result(custom_id, {"type": kind}) for custom_id in batch.ids[len(rows) :])]

    async def _object(self, batch: _Batch, incoming: Incoming) -> dict[str, Any]:
        work, now = batch.work, self.state.now()
        over = work.is_over(now)
        kinds = Counter(result.kind for result in await self._all(batch, now))
        counts = {kind: kinds[kind] for kind in ("succeeded", "errored", "canceled", "expired")}
        status = "canceling" if work.phase(now) is Phase.CANCELLING else "in_progress"
        results = f"{incoming.request.base_url}v1/messages/batches/{batch.id}/results"
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if over else status,
            # While it runs only this is told; the others stay 0 until the batch has ended.
            "request_counts": {"processing": 0, **counts} if over else _waiting(work.count),
            "created_at": _time(work.asked_at),
            "expires_at": _time(work.asked_at + DAY),
            "ended_at": _time(work.ended_at()) if over else None,
            "cancel_initiated_at": _time(work.cancelled_at),
            "archived_at": None,
            "results_url": results if over else None,
        }


def _result(custom_id: str, result: dict[str, Any]) -> _Result:
    return _Result(result["type"], dumps({"custom_id": custom_id, "result": result}))


def _waiting(count: int) -> dict[str, int]:
    return {"processing": count, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}


def _time(at: float | None) -> str | None:
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
