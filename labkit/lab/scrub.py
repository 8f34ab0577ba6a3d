"""A stream, taken apart: what had come after each chunk, what could be shown then, and what could be done.

A live stream is over before anyone has seen where it was cut. A recorded one can be walked through, forward
and back, with the bytes that wait, the draft so far and the state, as the boundary's own flow had them::

    recording = record("end_early:7", cut=40)
    for step in walk(recording):
        step.state, step.waiting, step.text, step.may_do
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from labkit.boundary import adapter_named
from labkit.contracts import Answer, Evidence, Outcome, Task
from labkit.deadline import Phases
from labkit.flow import Policy, Senses
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.clock import LESSON_DAY
from labkit.lab.connect import Lab
from labkit.lab.present import Table
from labkit.lab.provider import MODELS, practice
from labkit.prompts import Models
from labkit.providers.base import Fault, Response
from labkit.sse import Decoder
from labkit.streaming import Draft, Open, Read, Show, State, stream_flow
from labkit.transport import Http

REPLY = replace(TASK, task="draft_reply", prompt_version="reply_draft@1")
MAY_SHOW = {
    State.STARTED: "that an answer is coming",
    State.STREAMING: "the draft, marked unapproved",
    State.COMPLETED: "the answer",
    State.FAILED: "that it failed; the draft is withdrawn",
    State.CANCELLED: "that it was stopped",
}
NOTHING = "nothing"
ALLOWED = "what the answer allows, once, under its key"


@dataclass(frozen=True, slots=True)
class Recording:
    """The chunks of one response, in order, and the fault that ended it, if one did."""

    provider: str
    head: Response
    chunks: tuple[bytes, ...]
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The moment after one chunk. `events` are those it completed, `waiting` the bytes of the next one."""

    number: int
    chunk: bytes
    events: tuple[str, ...]
    waiting: bytes
    delta: str
    text: str
    state: State
    reason: str = ""

    @property
    def may_show(self) -> str:
        """What a person may be shown now."""
        return MAY_SHOW[self.state]

    @property
    def may_do(self) -> str:
        """What a program may do now."""
        return ALLOWED if self.state is State.COMPLETED else NOTHING


def record(
    fault: str = "ok", *, provider: str = "openai", task: Task = REPLY, cut: int | None = None
) -> Recording:
    """Stream one answer from the practice provider, as it comes over a real socket.

    `cut` is how many bytes a chunk has. None gives each event a chunk of its own: what a network makes of
    them differs from run to run.
    """
    adapter: Any = adapter_named(provider)
    request = adapter.stream_request(task, EVIDENCE, MODELS[0])
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(practice(script=[fault], clock=lambda: LESSON_DAY))
        http = stack.enter_context(Http(server.base_url, adapter.auth_headers(server.key)))
        incoming = http.open(request, 10.0, Phases())
        if isinstance(incoming, Fault):
            return Recording(provider, Response(200), (), incoming)
        parts: list[bytes] = []
        while isinstance(part := incoming.read(10.0), bytes) and part:
            parts.append(part)
        incoming.close()
    ended = part if isinstance(part, Fault) else None
    return Recording(provider, incoming.head, tuple(_pieces(b"".join(parts), cut)), ended)


def _pieces(whole: bytes, cut: int | None) -> Iterator[bytes]:
    if cut is not None:
        yield from (whole[start : start + cut] for start in range(0, len(whole), cut))
        return
    *events, rest = whole.split(b"\n\n")
    yield from (event + b"\n\n" for event in events)
    if rest:
        yield rest


def walk(recording: Recording, task: Task = REPLY, evidence: Evidence = EVIDENCE) -> list[Step]:
    """Every moment of a recorded stream, from start to named end. It is the boundary's own flow that runs."""
    adapter = adapter_named(recording.provider)
    policy = Policy(Models(MODELS[0]))
    task = replace(task, max_retries=0)
    flow = stream_flow(task, evidence, adapter, policy, Senses(clock=lambda: 0.0, wall=lambda: 0.0))
    decoder = Decoder()
    moments = [Step(0, b"", (), b"", "", "", State.STARTED)]
    left = list(recording.chunks)
    reply: Any = None
    while True:
        try:
            effect = flow.send(reply)
        except StopIteration as end:
            return [*moments, _end(moments, end.value)]
        reply = None
        match effect:
            case Open():
                reply = recording.head if recording.chunks or recording.fault is None else recording.fault
            case Read():
                reply = left.pop(0) if left else recording.fault or b""
                if isinstance(reply, bytes) and reply:
                    moments.append(_after(moments[-1], decoder, reply))
            case Show(draft) if draft.state is State.STREAMING:
                last = moments[-1]
                moments[-1] = replace(
                    last, delta=last.delta + draft.delta, text=draft.text, state=draft.state
                )


def _after(before: Step, decoder: Decoder, chunk: bytes) -> Step:
    events = tuple(_name(event.data) for event in decoder.feed(chunk))
    return replace(
        before, number=before.number + 1, chunk=chunk, events=events, waiting=decoder.pending, delta=""
    )


def _name(data: str) -> str:
    return data if len(data) <= 12 else f"{data[:12]}…"


def _end(moments: Sequence[Step], outcome: Outcome[Any]) -> Step:
    last = moments[-1]
    state = State.COMPLETED if isinstance(outcome, Answer) else State.FAILED
    return Step(last.number + 1, b"", (), b"", "", last.text, state, outcome.record.reason)


def raw(lab: Lab, task: Task = REPLY) -> dict[str, Any]:
    """The stream's request as a plain HTTP client takes it: `httpx.stream(**raw(lab))`."""
    adapter: Any = lab.boundary.adapter
    request = adapter.stream_request(task, EVIDENCE, MODELS[0])
    headers = {**request.headers, **adapter.auth_headers(lab.provider.key)}
    url = lab.provider.base_url + request.path
    return {"method": request.method, "url": url, "json": request.body, "headers": headers}


def drafts_table(drafts: Sequence[Draft]) -> Table:
    """What was shown while a stream came: one row for each draft."""
    return Table(
        [
            {
                "draft": number,
                "state": str(draft.state),
                "adds": draft.delta or None,
                "approved": draft.approved,
            }
            for number, draft in enumerate(drafts)
        ],
        "Drafts",
    )


def last_events() -> Table:
    """How each API says that a stream is whole: the last two events of a good answer."""
    rows = []
    for provider in ("openai", "openai_responses", "anthropic"):
        *_, before, last = record(provider=provider).chunks
        rows.append({"provider": provider, "last but one": _kind(before), "last": _kind(last)})
    return Table(rows, "The end of a whole stream")


def _kind(event: bytes) -> str:
    text = event.decode()
    if text.startswith("event: "):
        return text.partition("\n")[0].removeprefix("event: ")
    return "[DONE]" if "[DONE]" in text else "a chunk with usage" if '"usage":{' in text else "a chunk"
