"""OpenAI batches: a file of requests in, a file of answers and a file of errors out.

What surprises people: bad input makes a batch that is *created* and fails later; the output is in
no particular order; what failed is in another file; and when everything failed there is no output
file at all. Only `custom_id` joins the three.

    POST /v1/batches {"input_file_id", "endpoint", "completion_window": "24h"}
    GET  /v1/batches[/{id}]     POST /v1/batches/{id}/cancel
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from labkit.lab.provider.batchinput import BadLine, Line, read_lines
from labkit.lab.provider.batchwork import DAY, Phase, Work
from labkit.lab.provider.checks import OPENAI, Fields
from labkit.lab.provider.desk import Incoming
from labkit.lab.provider.files import Files
from labkit.lab.provider.problems import Problem, openai_error
from labkit.lab.provider.reply import Reply, json_reply
from labkit.lab.provider.state import State

ENDPOINTS = ("/v1/chat/completions", "/v1/responses")
BROKEN = Problem(500, None, "The server had an error while processing the request.")
Row = dict[str, Any]
Answer = Callable[[str, dict[str, Any]], dict[str, Any]]

_STATUS = {
    Phase.VALIDATING: "validating",
    Phase.RUNNING: "in_progress",
    Phase.FINALIZING: "finalizing",
    Phase.DONE: "completed",
    Phase.EXPIRED: "expired",
    Phase.CANCELLING: "cancelling",
    Phase.CANCELLED: "cancelled",
}


@dataclass(slots=True)
class _Batch:
    id: str
    body: dict[str, Any]
    lines: list[Line]
    errors: list[BadLine]
    work: Work[Row]
    files: dict[str, str | None] = field(default_factory=dict)


class OpenAIBatches:
    """The batches endpoint. `answer(endpoint, body)` is one model call: a body, or a Problem raised."""

    def __init__(self, state: State, files: Files, answer: Answer) -> None:
        self.state = state
        self.files = files
        self._answer = answer
        self._batches: dict[str, _Batch] = {}
        state.on_reset(self._batches.clear)

    async def create(self, incoming: Incoming) -> Reply:
        """POST /v1/batches."""
        body = incoming.json()
        fields = Fields(body, OPENAI)
        endpoint = fields.choice("endpoint", ENDPOINTS, required=True) or ""
        fields.choice("completion_window", ("24h",), required=True)
        file = self.files.find(fields.text("input_file_id", required=True) or "")
        fields.get("metadata", "object")
        fields.no_others("endpoint", "completion_window", "input_file_id", "metadata", "output_expires_after")
        if file.purpose != "batch":
            raise fields.refuse("input_file_id", "a file with the purpose 'batch'")
        lines, errors = read_lines(file.content, endpoint)
        batch = self._new(body, lines, errors, {fault.name: fault.number for fault in incoming.plan})
        return json_reply(await self._object(batch))

    async def one(self, incoming: Incoming) -> Reply:
        """GET /v1/batches/{id}."""
        return json_reply(await self._object(self._find(incoming)))

    async def listing(self, _incoming: Incoming) -> Reply:
        """GET /v1/batches."""
        data = [await self._object(batch) for batch in reversed(self._batches.values())]
        return json_reply({"object": "list", "data": data, "has_more": False})

    async def cancel(self, incoming: Incoming) -> Reply:
        """POST /v1/batches/{id}/cancel."""
        batch = self._find(incoming)
        if batch.errors or batch.work.is_over(self.state.now()):
            raise Problem(409, "invalid_value", "Only a batch that is under way can be cancelled.")
        batch.work.cancel(self.state.now())
        return json_reply(await self._object(batch))

    def _find(self, incoming: Incoming) -> _Batch:
        batch = self._batches.get(incoming.part("id"))
        if batch is None:
            raise Problem(404, None, "No batch has this id.", param="batch_id")
        return batch

    def _new(
        self, body: dict[str, Any], lines: list[Line], errors: list[BadLine], asked: dict[str, float]
    ) -> _Batch:
        batch_id = self.state.next_id("batch_")
        every = 1 if "batch_all_fail" in asked else int(asked.get("batch_fails", 0))
        work: Work[Row] = Work(
            len(lines),
            lambda index: self._row(lines[index], broken=bool(every) and (index + 1) % every == 0),
            self.state.now(),
            asked.get("batch_takes", self.state.batch_seconds),
            random.Random(batch_id),
            int(asked.get("batch_loses", 0)),
        )
        batch = self._batches[batch_id] = _Batch(batch_id, body, lines, errors, work)
        return batch

    def _row(self, line: Line, *, broken: bool) -> Row:
        """One line of the output or the error file."""
        status = 200
        try:
            answer = self._answer(line.url, line.body)
        except Problem as problem:
            status, answer = problem.status, openai_error(problem)
        if broken:
            status, answer = BROKEN.status, openai_error(BROKEN)
        response = {"status_code": status, "request_id": self.state.next_id("req_"), "body": answer}
        row_id = self.state.next_id("batch_req_")
        return {"id": row_id, "custom_id": line.custom_id, "response": response, "error": None}

    # ── the batch object ──

    async def _object(self, batch: _Batch) -> dict[str, Any]:
        now = self.state.now()
        body: dict[str, Any] = {
            "id": batch.id,
            "object": "batch",
            "endpoint": batch.body["endpoint"],
            "input_file_id": batch.body["input_file_id"],
            "completion_window": "24h",
            "created_at": int(batch.work.asked_at),
            "expires_at": int(batch.work.asked_at + DAY),
            "metadata": batch.body.get("metadata"),
            "errors": None,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
        }
        if batch.errors:
            return body | _failed(batch, now)
        phase = batch.work.phase(now)
        rows = await batch.work.settled(now)
        good = sum(_is_good(row) for row in rows)
        counts = {"total": batch.work.count, "completed": good, "failed": len(rows) - good}
        body |= {"status": _STATUS[phase], "request_counts": counts} | _times(batch, phase)
        if batch.work.is_over(now):
            body |= self._written(batch, rows, phase)
        return body

    def _written(self, batch: _Batch, rows: list[Row], phase: Phase) -> dict[str, str | None]:
        """The ids of the two files, written once."""
        if not batch.files:
            turned_up = [rows[index] for index in batch.work.shuffled(len(rows))]
            wrong = [row for row in turned_up if not _is_good(row)]
            if phase is Phase.EXPIRED:
                wrong += [self._expired(line) for line in batch.lines[len(rows) :]]
            good = [row for row in turned_up if _is_good(row)]
            batch.files = {
                "output_file_id": self._write(f"{batch.id}_output.jsonl", good),
                "error_file_id": self._write(f"{batch.id}_error.jsonl", wrong),
            }
        return batch.files

    def _write(self, name: str, rows: list[Row]) -> str | None:
        """A file of rows; none at all where there is nothing to write."""
        if not rows:
            return None
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        return self.files.add(name, "batch_output", content).id

    def _expired(self, line: Line) -> Row:
        told = {"code": "batch_expired", "message": "The completion window ended before this request ran."}
        row_id = self.state.next_id("batch_req_")
        return {"id": row_id, "custom_id": line.custom_id, "response": None, "error": told}


def _is_good(row: Row) -> bool:
    response = row["response"]
    return response is not None and response["status_code"] == 200


def _failed(batch: _Batch, now: float) -> dict[str, Any]:
    """A batch whose input is bad: validating for a moment, then failed, with the reasons."""
    failed_at = batch.work.asked_at + batch.work.seconds * 0.1
    if now < failed_at:
        return {"status": "validating"}
    data = [error.as_dict() for error in batch.errors]
    return {"status": "failed", "failed_at": int(failed_at), "errors": {"object": "list", "data": data}}


def _times(batch: _Batch, phase: Phase) -> dict[str, int]:
    """The time stamps that belong to a phase."""
    work = batch.work
    times: dict[str, float] = {}
    if phase is not Phase.VALIDATING:
        times["in_progress_at"] = work.asked_at + work.seconds * 0.1
    if phase in (Phase.FINALIZING, Phase.DONE):
        times["finalizing_at"] = work.asked_at + work.seconds * 0.9
    if work.cancelled_at is not None:
        times["cancelling_at"] = work.cancelled_at
    ends = {Phase.DONE: "completed_at", Phase.EXPIRED: "expired_at", Phase.CANCELLED: "cancelled_at"}
    if phase in ends:
        times[ends[phase]] = work.ended_at()
    return {name: int(at) for name, at in times.items()}
