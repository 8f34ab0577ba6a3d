"""Streams that end honestly: drafts while they come, one outcome when they have ended.

Half an answer looks like an answer, and a connection that closes in order looks like the end of one.
A stream that is retried after its first words says them twice.
An action that runs on the first half of its arguments cannot be taken back.
So every delta is a draft, marked unapproved; the gates see the whole answer or none; and a stream without its
terminal marker is *incomplete*, whatever it said.

    started → streaming → completed        its text passed both gates
                        ↘ failed           withdraw what was shown
                        ↘ cancelled        usage is unknown, unless the provider had reported it

    with boundary.stream(task, evidence) as stream:
        for draft in stream:
            show(draft.text)               # unapproved: to read, never to act on
    outcome = stream.outcome               # Answer or Failure, as from a call

This is the flow, without I/O: labkit/flow.py's, with four more effects. labkit/live.py runs it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar

from labkit.contracts import Evidence, Outcome, Task
from labkit.deadline import Clock, Phases
from labkit.failures import Advice, Kind, LabkitError, classify, judge
from labkit.flow import Call, Effect, Ended, Policy, Senses, run
from labkit.providers.accumulate import Accumulator, BadEvent, StreamingAdapter
from labkit.providers.base import Adapter, Fault, Request, Response
from labkit.sse import Decoder, EventTooLarge

MOST_BODY_BYTES = 8 * 1024 * 1024
GRACE_S = 0.05  # after the terminal marker, for the response's own end: then its connection can be kept


class State(StrEnum):
    """What a stream is doing. The last three are final, and one of them always comes."""

    STARTED = "started"
    STREAMING = "streaming"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Draft:
    """What may be shown now, and as what. No draft is approved, the completed one included.

    `delta` is what this draft adds, `text` all of it so far.
    """

    approved: ClassVar[bool] = False
    state: State
    delta: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Open:
    """Send this request; answer with the response's head (a `Response` without body) or a `Fault`."""

    request: Request
    seconds: float
    phases: Phases


@dataclass(frozen=True, slots=True)
class Read:
    """Answer with the next bytes, b"" at the response's end, or a `Fault`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Close:
    """Let go of the response that is open."""


@dataclass(frozen=True, slots=True)
class Show:
    """Hand a draft to whoever reads."""

    draft: Draft


StreamEffect = Effect | Open | Read | Close | Show
StreamFlow = Generator[StreamEffect, Any, Outcome[Any]]
Attempted = Generator[StreamEffect, Any, Ended]


def stream_flow(
    task: Task, evidence: Evidence, adapter: Adapter, policy: Policy, senses: Senses
) -> StreamFlow:
    """Run one streamed call to its named end."""
    outcome = yield from run(StreamCall(task, evidence, adapter, policy, senses))
    return outcome


@dataclass(slots=True)
class Pace:
    """When the pieces of one attempt came."""

    clock: Clock
    started: float
    first: float | None = None
    last: float = 0.0
    longest_gap: float | None = None
    pieces: int = 0

    def beat(self) -> None:
        """One piece of text has come."""
        now = self.clock()
        if self.first is None:
            self.first = now
        else:
            self.longest_gap = max(self.longest_gap or 0.0, now - self.last)
        self.last = now
        self.pieces += 1

    def row(self) -> dict[str, Any]:
        """As an attempt's record holds it, in milliseconds."""
        first = None if self.first is None else round((self.first - self.started) * 1000, 3)
        gap = None if self.longest_gap is None else round(self.longest_gap * 1000, 3)
        return {"first_chunk_ms": first, "longest_gap_ms": gap, "chunks": self.pieces}


class StreamCall(Call):
    """A call whose answer comes in pieces. Retries, waits and the record are the call's own."""

    streamed = True
    adapter: StreamingAdapter

    def prepare(self) -> Request:
        """Ask for a stream."""
        if not hasattr(self.adapter, "stream_request"):
            raise LabkitError(f"the adapter {self.adapter.name} has no stream_request; use call(), or add it")
        self.text = ""
        return self.adapter.stream_request(self.task, self.evidence, self.model)

    def attempts(self) -> Generator[Any, Any, Outcome[Any]]:
        """Say that it has started, then attempt as any call does."""
        yield Show(Draft(State.STARTED))
        return (yield from super().attempts())

    def attempt(self, ceiling: float, delay: float) -> Generator[Any, Any, Ended]:
        """Open, receive, judge. After the first piece there is no retry: nobody hears the beginning twice."""
        started = self.senses.clock()
        ends = started + self.policy.phases.limit(max(0.0, self.deadline.at - started))
        pace = Pace(self.senses.clock, started)
        stream = self.adapter.accumulator()
        head: Response | None = None
        ended = Ended(Kind.CANCELLED, "cancelled")
        try:
            got = yield Open(self.request, ends - started, self.policy.phases)
            if isinstance(got, Response):
                head = got
                ended = yield from self.receive(head, stream, pace, ends)
                yield Close()
            else:
                ended = self.judge(got)
            if pace.pieces and ended.advice is Advice.RETRY:
                lost = ended.kind in {Kind.CONNECT, Kind.PROTOCOL}
                ended = replace(ended, advice=Advice.INSPECT, kind=Kind.INCOMPLETE if lost else ended.kind)
        finally:
            if head is not None and ended.reply is None:  # what the provider had reported before it broke off
                ended = replace(ended, reply=stream.reply())
            self.note(ended, started, head, ceiling, delay, **pace.row())
        return ended

    def receive(self, head: Response, stream: Accumulator, pace: Pace, ends: float) -> Attempted:
        """Read a response: its events, or the whole of what is no event stream."""
        kind = head.headers.get("content-type", "text/event-stream")
        if not 200 <= head.status < 300 or not kind.lower().startswith("text/event-stream"):
            whole = yield from self.whole_body(ends)
            return self.judge(whole if isinstance(whole, Fault) else replace(head, body=whole))
        decoder = Decoder()
        while not stream.done:
            chunk = yield from self.read_chunk(ends)
            if isinstance(chunk, Fault):
                return self.judge(chunk)
            if not chunk:
                return Ended(Kind.INCOMPLETE, "no_terminal_marker", Advice.RETRY)
            try:
                yield from self.show(decoder, chunk, stream, pace)
            except BadEvent as bad:
                return Ended(Kind.PROTOCOL, bad.reason, classify(None, Kind.PROTOCOL))
            except EventTooLarge:
                return Ended(Kind.PROTOCOL, "event_too_large")
        return (yield from self.judge_stream(stream, ends))

    def show(
        self, decoder: Decoder, chunk: bytes, stream: Accumulator, pace: Pace
    ) -> Generator[Show, Any, None]:
        """Take the events that a chunk completes, and show what they add."""
        for event in decoder.feed(chunk):
            delta = stream.take(event)
            if delta:
                pace.beat()
                self.text += delta
                yield Show(Draft(State.STREAMING, delta, self.text))
            if stream.done:
                return

    def judge_stream(self, stream: Accumulator, ends: float) -> Attempted:
        """Name the end of a stream that said it has ended. Only a whole one goes to the gates."""
        if stream.error_codes is not None:  # status 200 was sent before the failure: it is the 500 that it is
            verdict = judge(500, stream.error_codes)
            return Ended(verdict.kind, "stream_error", verdict.advice, verdict.at_most)
        yield Read(min(GRACE_S, max(0.0, ends - self.senses.clock())))
        if not stream.whole:
            return Ended(Kind.INCOMPLETE, "finish_missing", Advice.RETRY)
        return self.read(stream.reply())

    def read_chunk(self, ends: float) -> Generator[Read, Any, bytes | Fault]:
        """The next bytes. Silence ends in a timeout: *idle*, or *deadline* if that comes first."""
        left = ends - self.senses.clock()
        idle = self.policy.phases.read
        if left <= 0:
            return Fault(Kind.TIMEOUT, "deadline")
        got: bytes | Fault = yield Read(min(idle, left))
        if isinstance(got, Fault) and got.kind is Kind.TIMEOUT:
            return Fault(Kind.TIMEOUT, "deadline" if left <= idle else "idle")
        return got

    def whole_body(self, ends: float) -> Generator[Read, Any, bytes | Fault]:
        """All the bytes of a response that is no event stream: an error, a page, an answer in one piece."""
        body = bytearray()
        while len(body) <= MOST_BODY_BYTES:
            chunk = yield from self.read_chunk(ends)
            if isinstance(chunk, Fault):
                return chunk
            if not chunk:
                return bytes(body)
            body += chunk
        return Fault(Kind.PROTOCOL, "body_too_large")
