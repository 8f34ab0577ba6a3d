"""Streams: drafts while they come, one outcome and one record at the end, whatever the end is."""

# ruff: noqa: E501 - one end a line reads as a table

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from labkit.boundary import Boundary
from labkit.contracts import Answer, ContractError, Task
from labkit.deadline import Phases
from labkit.failures import Kind, LabkitError
from labkit.flow import Policy
from labkit.incoming import Canceller, Incoming
from labkit.lab.case import EVIDENCE, QUESTION, TASK
from labkit.live import Stream
from labkit.prompts import Models
from labkit.providers import AnthropicMessages, Fault, OpenAIChat, OpenAIResponses, Request, Response
from labkit.providers.accumulate import StreamingAdapter
from labkit.records import CallRecord
from labkit.streaming import Draft, State
from tests.scripted import GOOD, error
from tests.wire_streams import FORM, SENTENCE, chat, chunk, messages, named, responses, sse

REPLY = Task(
    "draft_reply", "acct_10234", ("P-7",), QUESTION, "trace_1", "reply_draft@1", timeout_seconds=20.0
)
SAID = "Account acct_10234 is eligible under P-7."
SSE_HEAD = Response(200, {"content-type": "text/event-stream", "x-request-id": "req_1"})
APIS: dict[str, tuple[StreamingAdapter, list[bytes]]] = {
    "chat": (OpenAIChat(), chat()),
    "messages": (AnthropicMessages(), messages()),
    "responses": (OpenAIResponses(), responses()),
}

Step = bytes | float | Fault | BaseException


@dataclass
class Wire:
    """Plays responses, a head and then steps: bytes, seconds of silence, a fault, or something raised."""

    scripts: list[tuple[Response | Fault, list[Step]]]
    now: float = 100.0
    opened: list[Request] = field(default_factory=list)
    closed: int = 0
    slept: list[float] = field(default_factory=list)
    records: list[CallRecord] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def open(
        self, request: Request, seconds: float, phases: Phases, canceller: Canceller | None = None
    ) -> Incoming | Fault:
        head, steps = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        self.opened.append(request)
        if isinstance(head, Fault):
            return head
        limit = [0.0]
        return Incoming(
            head, self._parts(list(steps), limit), lambda s, _: limit.__setitem__(0, s), self._close
        )

    def _parts(self, steps: list[Step], limit: list[float]) -> Iterator[bytes | Fault]:
        for step in steps:
            if isinstance(step, BaseException):
                raise step
            if not isinstance(step, float):
                yield step
            elif step >= limit[0]:
                self.now += limit[0]
                yield Fault(Kind.TIMEOUT, "read")
            else:
                self.now += step

    def _close(self) -> None:
        self.closed += 1

    def exchange(self, request: Request, seconds: float, phases: Phases) -> Response | Fault:
        raise AssertionError("a stream must not be sent as a call")

    def close(self) -> None:
        pass

    def boundary(self, adapter: StreamingAdapter | None = None, **policy: Any) -> Boundary:
        return Boundary(
            adapter or OpenAIChat(),
            self,
            Policy(Models("practice-1"), **policy),
            sinks=[self.records.append],
            clock=self.clock,
            sleep=self.sleep,
            random=lambda: 0.5,
        )


def played(*steps: Step, head: Response = SSE_HEAD) -> Wire:
    """One response that every attempt gets."""
    return Wire([(head, list(steps))])


def drain(stream: Stream) -> list[Draft]:
    """Read a stream to its end."""
    with stream:
        return list(stream)


@pytest.mark.parametrize("api", list(APIS))
def test_drafts_grow_and_end_in_an_answer(api: str) -> None:
    """The deltas grow to the sentence; then it is completed, an answer, and one record."""
    adapter, events = APIS[api]
    wire = played(*events)
    stream = wire.boundary(adapter).stream(REPLY, EVIDENCE)
    drafts = drain(stream)
    assert [draft.state for draft in drafts] == ["started", *["streaming"] * 4, "completed"]
    assert [draft.delta for draft in drafts] == ["", *SENTENCE, ""]
    assert [draft.text for draft in drafts[1:5]] == [
        SAID[: len("".join(SENTENCE[: n + 1]))] for n in range(4)
    ]
    assert drafts[-1].text == stream.outcome.unwrap().text == SAID
    assert wire.records == [stream.outcome.record]
    assert wire.closed == 1


def test_no_draft_is_approved() -> None:
    """Not one, and the completed one neither: it is for display."""
    drafts = drain(played(*chat()).boundary().stream(REPLY, EVIDENCE))
    assert not any(draft.approved for draft in drafts)


def test_a_structured_answer_can_be_streamed() -> None:
    """A decision that comes in pieces goes through the same two gates as one that comes whole."""
    for adapter, events in (
        (OpenAIChat(), chat([GOOD[:20], GOOD[20:]])),
        (AnthropicMessages(), messages(FORM, "tool_use", form=True)),
    ):
        stream = played(*events).boundary(adapter).stream(TASK, EVIDENCE)
        drain(stream)
        assert stream.outcome.unwrap().rotation_window_days == 30


def test_the_record_holds_time_to_first_chunk_and_gaps() -> None:
    """First chunk, longest gap and count are measured on the clock that was given."""
    events = chat()
    wire = played(0.25, *events[:2], 0.5, events[2], 2.0, *events[3:])
    stream = wire.boundary().stream(REPLY, EVIDENCE)
    drain(stream)
    (attempt,) = stream.outcome.record.attempts
    assert (attempt.first_chunk_ms, attempt.longest_gap_ms, attempt.chunks) == (250.0, 2000.0, 4)
    assert stream.outcome.record.streamed
    assert (attempt.request_id, attempt.http_status) == ("req_1", 200)
    assert stream.outcome.record.output_tokens == 80


HALF = chat()[:3]
WRONG = '{"decision":"eligible","rotation_window_days":90,"source_line_ids":["P-7"]}'

ENDS: dict[str, tuple[list[Step], Kind, str]] = {
    "ends in order, no marker": (HALF, Kind.INCOMPLETE, "no_terminal_marker"),
    "finish reason, no [DONE]": (chat()[:-1], Kind.INCOMPLETE, "no_terminal_marker"),
    "[DONE], no finish reason": ([*HALF, sse("[DONE]")], Kind.INCOMPLETE, "finish_missing"),
    "reset": ([*HALF, Fault(Kind.CONNECT, "lost_in_body")], Kind.INCOMPLETE, "lost_in_body"),
    "truncated": ([*HALF, Fault(Kind.PROTOCOL, "truncated_body")], Kind.INCOMPLETE, "truncated_body"),
    "silence": ([*HALF, 3600.0], Kind.TIMEOUT, "deadline"),
    "error event": ([*HALF, sse({"error": {"code": "server_is_overloaded"}})], Kind.OVERLOADED, "stream_error"),
    "unknown error event": ([*HALF, sse({"error": {"code": "new"}})], Kind.PROVIDER_ERROR, "stream_error"),
    "quota in mid-stream": ([*HALF, sse({"error": {"code": "insufficient_quota"}})], Kind.QUOTA_EXHAUSTED, "stream_error"),
    "an event that is no JSON": ([*HALF, b"data: <html>\n\n"], Kind.INCOMPLETE, "event_not_json"),
    "an event without end": ([*HALF, b"data: " + b"x" * 1_100_000], Kind.PROTOCOL, "event_too_large"),
    "length": (chat(finish="length"), Kind.INCOMPLETE, "finish_length"),
    "content filter": (chat(finish="content_filter"), Kind.REFUSED, "refused"),
    "refusal midway": ([*HALF, chunk({"refusal": "No."}), chunk({}, "stop"), sse("[DONE]")], Kind.REFUSED, "refused"),
    "tool call": (chat(finish="tool_calls"), Kind.INCOMPLETE, "finish_tool_calls"),
    "no text": (chat([]), Kind.INVALID_OUTPUT, "empty"),
    "wrong at the end": (chat([*SENTENCE, " You have 90 days."]), Kind.UNSUPPORTED_DECISION, "unsupported window"),
}  # fmt: skip


@pytest.mark.parametrize("end", list(ENDS))
def test_every_end_has_its_name(end: str) -> None:
    """After the first delta: one outcome, one record, the right name, no retry, the connection closed."""
    steps, kind, reason = ENDS[end]
    wire = played(*steps)
    stream = wire.boundary().stream(REPLY, EVIDENCE)
    drafts = drain(stream)
    assert (stream.outcome.ok, stream.outcome.record.status, stream.outcome.record.reason) == (
        False,
        kind,
        reason,
    )
    assert drafts[-1].state is State.FAILED
    assert drafts[-1].reason == reason
    assert wire.records == [stream.outcome.record]
    assert (len(wire.opened), wire.closed, wire.slept) == (1, 1, [])


@pytest.mark.parametrize(
    ("head", "steps", "kind", "reason"),
    [
        (Fault(Kind.CONNECT, "connect"), [], Kind.CONNECT, "retries_exhausted"),
        (SSE_HEAD, [], Kind.INCOMPLETE, "retries_exhausted"),
        (SSE_HEAD, chat()[:1], Kind.INCOMPLETE, "retries_exhausted"),
        (SSE_HEAD, [Fault(Kind.CONNECT, "lost_in_body")], Kind.CONNECT, "retries_exhausted"),
        (SSE_HEAD, [sse({"error": {"code": "server_is_overloaded"}})], Kind.OVERLOADED, "retries_exhausted"),
        (error(503), [error(503).body], Kind.PROVIDER_ERROR, "retries_exhausted"),
    ],
)
def test_before_the_first_delta_it_is_retried(
    head: Response | Fault, steps: list[Step], kind: Kind, reason: str
) -> None:
    """Nothing was shown yet, so nothing is said twice: three attempts, two waits, still one record."""
    wire = Wire([(head, steps)])
    stream = wire.boundary().stream(REPLY, EVIDENCE)
    drafts = drain(stream)
    assert [draft.state for draft in drafts] == ["started", "failed"]
    assert (len(wire.opened), wire.slept) == (3, [0.5, 1.0])
    assert (stream.outcome.record.status, stream.outcome.record.reason) == (kind, reason)
    assert len(wire.records) == 1
    assert wire.closed == (0 if isinstance(head, Fault) else 3)


def test_a_retry_that_ends_well_is_an_answer() -> None:
    """A 429, then a stream: one answer, two attempts in its record."""
    limited = error(429, "rate_limit_exceeded")
    wire = Wire([(limited, [limited.body]), (SSE_HEAD, list(chat()))])
    stream = wire.boundary().stream(REPLY, EVIDENCE)
    drain(stream)
    assert [attempt.kind for attempt in stream.outcome.record.attempts] == ["rate_limited", "ok"]
    assert stream.outcome.unwrap().text == SAID


def test_a_quota_is_not_retried() -> None:
    """The kind decides for streams as for calls."""
    spent = error(429, "insufficient_quota")
    wire = played(spent.body, head=spent)
    stream = wire.boundary().stream(REPLY, EVIDENCE)
    drain(stream)
    assert (stream.outcome.record.status, len(wire.opened)) == (Kind.QUOTA_EXHAUSTED, 1)


def test_silence_ends_at_the_idle_limit() -> None:
    """A provider that says nothing for longer than the read limit is left, long before the deadline."""
    wire = played(*HALF, 4.0, 6.0)
    stream = wire.boundary(phases=Phases(read=5.0)).stream(REPLY, EVIDENCE)
    drain(stream)
    assert (stream.outcome.record.status, stream.outcome.record.reason) == (Kind.TIMEOUT, "idle")
    assert wire.now == 109.0


def test_keep_alives_do_not_move_the_deadline() -> None:
    """Pings renew the idle limit, never the deadline: 20 seconds are 20 seconds."""
    pings: list[Step] = [step for _ in range(100) for step in (1.0, b": ping\n\n")]
    wire = played(*HALF, *pings)
    stream = wire.boundary(phases=Phases(read=5.0)).stream(REPLY, EVIDENCE)
    drain(stream)
    assert (stream.outcome.record.status, stream.outcome.record.reason) == (Kind.TIMEOUT, "deadline")
    assert wire.now == 120.0


def test_an_answer_in_one_piece_is_an_answer() -> None:
    """A server that ignores `stream` answers with JSON: read as a call's reply, with no drafts."""
    body = {"id": "c", "model": "m", "choices": [{"finish_reason": "stop", "message": {"content": SAID}}]}
    whole = json.dumps(body).encode()
    wire = played(whole[:30], whole[30:], head=Response(200, {"content-type": "application/json"}))
    stream = wire.boundary().stream(REPLY, EVIDENCE)
    assert [draft.state for draft in drain(stream)] == ["started", "completed"]
    assert stream.outcome.unwrap().text == SAID


def test_a_page_is_not_a_stream() -> None:
    """Status 200 with HTML is a protocol error, as for calls."""
    wire = played(b"<html>", head=Response(200, {"content-type": "text/html; charset=utf-8"}))
    stream = wire.boundary().stream(REPLY, EVIDENCE)
    drain(stream)
    assert stream.outcome.record.status is Kind.PROTOCOL


def test_leaving_early_is_a_cancel_with_a_record() -> None:
    """Breaking off closes the connection at once and records the call, its usage unknown."""
    wire = played(*chat())
    stream = wire.boundary().stream(REPLY, EVIDENCE)
    with stream:
        for draft in stream:
            if draft.state is State.STREAMING:
                break
        assert wire.closed == 0
    assert (stream.outcome.record.status, stream.outcome.record.usage) == (Kind.CANCELLED, None)
    assert stream.outcome.record.attempts[0].chunks == 1
    assert (wire.closed, len(wire.records)) == (1, 1)


def test_a_cancel_gives_a_last_draft() -> None:
    """`cancel` ends the iteration in order: the text so far, and the state cancelled."""
    stream = played(*chat()).boundary().stream(REPLY, EVIDENCE)
    drafts = []
    with stream:
        for draft in stream:
            drafts.append(draft)
            if draft.text == "Account acct_10234 ":
                stream.cancel()
    assert (drafts[-1].state, drafts[-1].text) == (State.CANCELLED, "Account acct_10234 ")
    assert stream.outcome.summary() == {"status": "cancelled", "next_step": "do_nothing"}


def test_usage_that_was_reported_before_a_cancel_is_kept() -> None:
    """Unknown unless the provider said: Messages reports final usage one event before the end."""
    wire = played(*messages()[:-1], KeyboardInterrupt())
    stream = wire.boundary(AnthropicMessages()).stream(REPLY, EVIDENCE)
    with pytest.raises(KeyboardInterrupt), stream:
        list(stream)
    assert stream.outcome.record.status is Kind.CANCELLED
    assert stream.outcome.record.output_tokens == 80
    assert (wire.closed, len(wire.records)) == (1, 1)


def test_leaving_before_the_first_draft_is_recorded_too() -> None:
    """A stream that was opened and never read ends as cancelled; nothing was sent."""
    wire = played(*chat())
    with wire.boundary().stream(REPLY, EVIDENCE) as stream:
        pass
    assert (stream.outcome.record.status, wire.opened) == (Kind.CANCELLED, [])
    assert len(wire.records) == 1


def test_a_crash_in_the_reader_is_the_readers() -> None:
    """An exception in the body of the loop leaves as itself, and the call is recorded."""
    wire = played(*chat())
    with pytest.raises(ZeroDivisionError), wire.boundary().stream(REPLY, EVIDENCE) as stream:
        _ = 1 / len(next(stream).text)
    assert (wire.records[0].status, wire.closed) == (Kind.CANCELLED, 0)


def test_actions_are_held_until_final_validation() -> None:
    """A held action runs once, with the answer, after both gates; not while drafts come."""
    done: list[Answer[Any]] = []
    with played(*chat()).boundary().stream(REPLY, EVIDENCE) as stream:
        stream.when_approved(done.append)
        for draft in stream:
            assert (done == []) is (draft.state is not State.COMPLETED)
    assert done == [stream.outcome]


@pytest.mark.parametrize("end", list(ENDS))
def test_a_held_action_never_runs_without_an_answer(end: str) -> None:
    """Whatever the failure, the action is dropped: also when all the text had come."""
    with played(*ENDS[end][0]).boundary().stream(REPLY, EVIDENCE) as stream:
        stream.when_approved(lambda _: pytest.fail("ran"))
        list(stream)
    assert not stream.outcome.ok


def test_ninety_days_at_the_end_is_a_failed_stream() -> None:
    """The decision's last piece says 90: every draft was shown, and the outcome is a refusal by the gate."""
    stream = played(*chat([WRONG[:40], WRONG[40:]])).boundary().stream(TASK, EVIDENCE)
    drafts = drain(stream)
    assert drafts[-2].text == WRONG
    assert (stream.outcome.record.status, stream.outcome.record.reason) == (
        Kind.UNSUPPORTED_DECISION,
        "unsupported window",
    )


def test_the_outcome_is_not_there_early() -> None:
    """Asking for the outcome of a running stream is a mistake that says so."""
    with (
        played(*chat()).boundary().stream(REPLY, EVIDENCE) as stream,
        pytest.raises(LabkitError, match="not ended"),
    ):
        _ = stream.outcome


def test_a_stream_outside_its_context_is_refused() -> None:
    """Without `with` no end is certain, so there is no beginning."""
    with pytest.raises(LabkitError, match="use `with"):
        next(played(*chat()).boundary().stream(REPLY, EVIDENCE))


def test_a_refused_task_sends_nothing() -> None:
    """The contract is checked when the stream is entered."""
    wire = played(*chat())
    task = Task("draft_reply", "acct_10234", ("P-8",), QUESTION, "trace_1", "reply_draft@1")
    with pytest.raises(ContractError), wire.boundary().stream(task, EVIDENCE):
        pass
    assert (wire.opened, wire.records) == ([], [])


def test_bytes_in_any_pieces_give_the_same_drafts() -> None:
    """The network's cuts are nobody's business: byte by byte, the drafts are the same."""
    for adapter, events in APIS.values():
        whole = b"".join(events)
        cut = played(*(whole[index : index + 1] for index in range(len(whole))))
        assert drain(cut.boundary(adapter).stream(REPLY, EVIDENCE)) == drain(
            played(whole).boundary(adapter).stream(REPLY, EVIDENCE)
        )


def test_what_follows_the_terminal_marker_is_not_read() -> None:
    """Events after the end change nothing, in the same piece or in a later one."""
    more = [chunk({"content": " Also, 90 days."}), named({"type": "error"})]
    for steps in ([*chat(), *more], [b"".join([*chat(), *more])]):
        stream = played(*steps).boundary().stream(REPLY, EVIDENCE)
        assert drain(stream)[-1].text == stream.outcome.unwrap().text == SAID


def test_a_draft_does_not_show_its_text_in_a_log() -> None:
    """A draft may hold customer text: its repr does not."""
    drafts = drain(played(*chat()).boundary().stream(REPLY, EVIDENCE))
    assert "acct_10234" not in repr(drafts)


def test_a_crash_of_ours_leaves_as_itself() -> None:
    """When the flow breaks before it has a record, its own error is what is seen, not one about the outcome."""
    boundary = played(*chat()).boundary()

    def broken(_question: str) -> str:
        raise ZeroDivisionError

    boundary.policy = replace(boundary.policy, fingerprint=broken)
    with pytest.raises(ZeroDivisionError), boundary.stream(REPLY, EVIDENCE) as stream:
        list(stream)
