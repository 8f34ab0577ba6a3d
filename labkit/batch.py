"""Batches: many offline calls at about half the price, within a day, in any order.

Read the output file by position and answers land on the wrong accounts. Read only the output file and
failures vanish. Send everything again and you pay twice for what was done. So every request carries a
`custom_id`, and what comes back is sorted into done, failed and missing, by that id alone:

    items = [Item("acct_10234", task, evidence), …]
    sorted_out = reconcile_batch(calls, lines)
    sorted_out.missing      # never ran, or in no file at all: only these are sent again

Every answer passes the same gates as one that was awaited. This page is pure; `batchrun` sends and waits.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from labkit.contracts import Answer, Evidence, Failure, Task
from labkit.failures import Kind, LabkitError
from labkit.flow import Call
from labkit.providers.anthropic_messages import VERSION, AnthropicMessages
from labkit.providers.base import Adapter, Request, Response, as_text, at, read_object, word, words
from labkit.providers.openai_chat import OpenAIChat

CUSTOM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what both providers accept


class BatchError(LabkitError):
    """A batch that the provider refused or that failed as a whole, or items that cannot be sent."""


@dataclass(frozen=True, slots=True)
class Item:
    """One call of a batch. `custom_id` is yours, such as the account's id, and unique in the batch."""

    custom_id: str
    task: Task
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Line:
    """What came back for one id. `response` None: the request never ran (expired or cancelled)."""

    custom_id: str
    response: Response | None


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """How far a batch is, in words of ours: "running", "ended" (results can be read) or "failed".

    `reasons` are the provider's codes for a batch that failed, with the line that each is about.
    """

    id: str
    state: str
    said: str
    total: int = 0
    completed: int = 0
    failed: int = 0
    files: tuple[str, ...] = ()
    reasons: tuple[tuple[str, int | None], ...] = ()


@dataclass(frozen=True, slots=True)
class SortedOut:
    """The whole of a batch. Every id that was sent is in exactly one of done, failed and missing.

    `strangers` are ids that came back and were never sent.
    """

    done: dict[str, Answer[Any]] = field(default_factory=dict)
    failed: dict[str, Failure] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()


def reconcile_batch(calls: Mapping[str, Call], lines: Iterable[Line]) -> SortedOut:
    """Sort what came back by id, through the same gates as any reply.

    `calls` holds one fresh `Call` for each id that was sent.
    Of two lines with one id, a success counts.
    """
    done: dict[str, Answer[Any]] = {}
    failed: dict[str, Failure] = {}
    strangers: list[str] = []
    for line in lines:
        call = calls.get(line.custom_id)
        if call is None:
            strangers.append(line.custom_id)
        elif line.response is not None and line.custom_id not in done:
            outcome = _outcome(call, line.response)
            if isinstance(outcome, Answer):
                done[line.custom_id] = outcome
                failed.pop(line.custom_id, None)
            else:
                failed[line.custom_id] = outcome
    missing = tuple(name for name in calls if name not in done and name not in failed)
    return SortedOut(done, failed, missing, tuple(strangers))


def _outcome(call: Call, response: Response) -> Answer[Any] | Failure:
    call.log.clear()
    ended = call.judge(response)
    call.note(ended, call.began, response, 0.0, 0.0)
    if ended.kind is Kind.OK:
        return Answer(ended.value, call.record(Kind.OK))
    return call.fail(ended.kind, ended.reason)


def check_items(items: Sequence[Item]) -> None:
    """Refuse ids that a provider would refuse hours later, when the whole batch fails for one of them."""
    seen: set[str] = set()
    for item in items:
        if CUSTOM_ID.fullmatch(item.custom_id) is None:
            raise BatchError("a custom_id is no id; wanted 1 to 64 letters, digits, '_' or '-'")
        if item.custom_id in seen:
            raise BatchError(f"custom_id {item.custom_id!r} comes twice; wanted each once")
        seen.add(item.custom_id)
    if not items:
        raise BatchError("there are no items; wanted at least one")


class Wire(Protocol):
    """One provider's batch API as pure requests and readings."""

    adapter: Adapter

    def uploads(self, requests: Mapping[str, Request]) -> Request | None:
        """Upload the requests first, where the provider wants a file; None where it does not."""

    def create(self, requests: Mapping[str, Request], file_id: str | None, label: str) -> Request:
        """Create the batch."""

    def ask(self, batch_id: str) -> Request:
        """Ask how far a batch is."""

    def status(self, body: Mapping[str, Any]) -> BatchStatus:
        """Read how far it is."""

    def cancel(self, batch_id: str) -> Request:
        """Stop a batch; what is done by then is kept."""

    def results(self, status: BatchStatus) -> tuple[Request, ...]:
        """Fetch every file that results may be in."""

    def line(self, row: Mapping[str, Any]) -> Line | None:
        """Read one line of a result file; None when it carries no id."""


def read_lines(wire: Wire, content: bytes) -> Iterator[Line]:
    """Read a result file. A line that is broken is skipped: its request then counts as missing."""
    for row in content.split(b"\n"):
        body = read_object(row) if row.strip() else None
        line = wire.line(body) if body is not None else None
        if line is not None:
            yield line


@dataclass(frozen=True)
class Upload(Request):
    """A file as a form, since that is how files travel. `raw` is the whole form."""

    raw: bytes = b""

    @cached_property
    def content(self) -> bytes:
        """The form as it is sent."""
        return self.raw


class OpenAIBatch:
    """OpenAI's batches: upload a file of requests, then read an output file *and* an error file.

    Source: the OpenAI API reference, Batch and Files.
    """

    def __init__(self, adapter: Adapter | None = None) -> None:
        self.adapter = adapter or OpenAIChat()

    def uploads(self, requests: Mapping[str, Request]) -> Request:
        """Upload the requests as JSON Lines."""
        lines = (
            {"custom_id": custom_id, "method": "POST", "url": request.path, "body": request.body}
            for custom_id, request in requests.items()
        )
        content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
        edge = f"labkit-{secrets.token_hex(16)}"
        raw = (
            f'--{edge}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="requests.jsonl"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        ).encode()
        headers = {"content-type": f"multipart/form-data; boundary={edge}"}
        return Upload("/v1/files", {}, headers, raw=raw + content + f"\r\n--{edge}--\r\n".encode())

    def create(self, requests: Mapping[str, Request], file_id: str | None, label: str) -> Request:
        """Create the batch over the uploaded file, labelled so that it can be found again."""
        endpoint = next(iter(requests.values())).path
        window = {"completion_window": "24h", "metadata": {"labkit": label}}
        return Request("/v1/batches", {"input_file_id": file_id, "endpoint": endpoint, **window})

    def ask(self, batch_id: str) -> Request:
        """GET the batch."""
        return Request(f"/v1/batches/{batch_id}", {}, method="GET")

    def cancel(self, batch_id: str) -> Request:
        """Stop it."""
        return Request(f"/v1/batches/{batch_id}/cancel", {})

    def status(self, body: Mapping[str, Any]) -> BatchStatus:
        """Read the eight statuses as three."""
        said = str(at(body, "status"))
        ended = said in {"completed", "expired", "cancelled"}
        errors = at(body, "errors", "data")
        counts = {name: int(at(body, "request_counts", name) or 0) for name in _OPENAI_COUNTS}
        return BatchStatus(
            str(at(body, "id")),
            "ended" if ended else "failed" if said == "failed" else "running",
            said,
            **counts,
            files=words(at(body, "output_file_id"), at(body, "error_file_id")),
            reasons=tuple((str(at(one, "code")), at(one, "line")) for one in errors or ()),
        )

    def results(self, status: BatchStatus) -> tuple[Request, ...]:
        """GET both files; when everything failed there is no output file."""
        return tuple(Request(f"/v1/files/{name}/content", {}, method="GET") for name in status.files)

    def line(self, row: Mapping[str, Any]) -> Line | None:
        """Read a line of either file."""
        custom_id, error = word(at(row, "custom_id")), at(row, "error")
        status, body = at(row, "response", "status_code"), at(row, "response", "body")
        if custom_id is None:
            return None
        if isinstance(status, int):
            return Line(custom_id, Response(status, {}, json.dumps(body).encode()))
        if at(error, "code") in {"batch_expired", "batch_cancelled"}:
            return Line(custom_id, None)
        return Line(custom_id, Response(500, {}, json.dumps({"error": error}).encode()))


class AnthropicBatch:
    """Anthropic's message batches: requests in one call, one result file, four ways to end.

    Source: the Anthropic API reference, Message Batches.
    """

    def __init__(self) -> None:
        self.adapter: Adapter = AnthropicMessages()
        self._headers = {"anthropic-version": VERSION}

    def uploads(self, requests: Mapping[str, Request]) -> None:  # noqa: ARG002 - nothing to upload here
        """Upload nothing: the requests travel in the call."""
        return

    def create(self, requests: Mapping[str, Request], file_id: str | None, label: str) -> Request:  # noqa: ARG002
        """Create the batch. There is no place for a label."""
        rows = [{"custom_id": name, "params": request.body} for name, request in requests.items()]
        return Request("/v1/messages/batches", {"requests": rows}, self._headers)

    def ask(self, batch_id: str) -> Request:
        """GET the batch."""
        return Request(f"/v1/messages/batches/{batch_id}", {}, self._headers, "GET")

    def cancel(self, batch_id: str) -> Request:
        """Stop it."""
        return Request(f"/v1/messages/batches/{batch_id}/cancel", {}, self._headers)

    def status(self, body: Mapping[str, Any]) -> BatchStatus:
        """Read the counts. An ended batch may hold nothing but errors."""
        said = str(at(body, "processing_status"))
        counts = {name: int(at(body, "request_counts", name) or 0) for name in _ANTHROPIC_COUNTS}
        return BatchStatus(
            str(at(body, "id")),
            "ended" if said == "ended" else "running",
            said,
            total=sum(counts.values()),
            completed=counts["succeeded"],
            failed=counts["errored"],
        )

    def results(self, status: BatchStatus) -> tuple[Request, ...]:
        """GET the one result file."""
        return (Request(f"/v1/messages/batches/{status.id}/results", {}, self._headers, "GET"),)

    def line(self, row: Mapping[str, Any]) -> Line | None:
        """Read one result."""
        custom_id, kind = word(at(row, "custom_id")), at(row, "result", "type")
        if custom_id is None:
            return None
        if kind == "succeeded":
            message = at(row, "result", "message")
            return Line(custom_id, Response(200, {}, as_text(message).encode()))
        if kind == "errored":
            error = at(row, "result", "error")
            status = _STATUS.get(str(at(error, "error", "type")), 500)
            return Line(custom_id, Response(status, {}, json.dumps(error).encode()))
        return Line(custom_id, None)


_OPENAI_COUNTS = ("total", "completed", "failed")
_ANTHROPIC_COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "overloaded_error": 529,
}
