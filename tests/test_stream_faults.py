"""Every stream fault of the practice provider, in the three APIs and through both faces of the boundary."""

# ruff: noqa: SIM117 - what a stream leaves behind is looked at between two `with` lines

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from labkit.backoff import Backoff
from labkit.boundary import AsyncBoundary, Boundary
from labkit.contracts import Outcome, Task
from labkit.deadline import Phases
from labkit.flow import Policy
from labkit.lab.case import EVIDENCE, QUESTION, TASK
from labkit.lab.provider import FAULTS, Provider, practice
from labkit.prompts import Models
from labkit.providers import ADAPTERS
from labkit.records import CallRecord
from labkit.streaming import Draft, State

MODEL = "practice-1"
REPLY = Task("draft_reply", "acct_10234", ("P-7",), QUESTION, "trace_1", "reply_draft@1", timeout_seconds=5.0)
SAID = "Account acct_10234 is eligible under P-7."
IDLE_S = 0.4

# fault: (status of the call, its reason, requests that are sent). A number of 5 is after the first delta.
ENDS: dict[str, tuple[str, str, int]] = {
    "drop:5": ("incomplete", "truncated_body", 1),
    "drop_reset:5": ("incomplete", "lost_in_body", 1),
    "end_early:5": ("incomplete", "no_terminal_marker", 1),
    "no_marker": ("incomplete", "no_terminal_marker", 1),
    "no_done": ("incomplete", "no_terminal_marker", 1),
    "stream_error:5": ("provider_error", "stream_error", 1),
    "ping_storm": ("ok", "", 1),
    "stall:5": ("timeout", "idle", 1),
    "split_utf8": ("ok", "", 1),
    "split_bytes": ("ok", "", 1),
    "refusal_midway": ("refused", "refused", 1),
    # before the first delta nothing was shown, so it is retried
    "drop:1": ("protocol_error", "retries_exhausted", 3),
    "drop_reset:1": ("connect", "retries_exhausted", 3),
    "end_early:0": ("incomplete", "retries_exhausted", 3),
    "stream_error:0": ("provider_error", "retries_exhausted", 3),
    "stall:1": ("timeout", "retries_exhausted", 3),
    # what a stream shares with calls
    "429": ("rate_limited", "retries_exhausted", 3),
    "quota": ("quota_exhausted", "http_429", 1),
    "html_200": ("protocol_error", "retries_exhausted", 3),
    "reset_before": ("connect", "retries_exhausted", 3),
    "pace:0.01": ("ok", "", 1),
    "length": ("incomplete", "", 1),
    "refusal": ("refused", "refused", 1),
    "no_usage": ("ok", "", 1),
}
# The same trouble in one API's own words.
IN_OTHER_WORDS = {
    ("stream_error:5", "anthropic"): "overloaded",
    ("stream_error:0", "anthropic"): "overloaded",
}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """One practice provider for all of them."""
    with practice() as running:
        yield running


def policy() -> Policy:
    """Short waits, and a limit on silence."""
    return Policy(Models(MODEL), backoff=Backoff(0.01, 0.02), phases=Phases(read=IDLE_S))


def read_sync(name: str, provider: Provider, task: Task, sink: Any) -> tuple[list[Draft], Outcome[Any]]:
    """Read one stream in this thread."""
    at = (name, provider.base_url, provider.key)
    with Boundary.open(*at, model=MODEL, policy=policy(), sinks=[sink]) as boundary:
        with boundary.stream(task, EVIDENCE) as stream:
            drafts = list(stream)
    return drafts, stream.outcome


def read_async(name: str, provider: Provider, task: Task, sink: Any) -> tuple[list[Draft], Outcome[Any]]:
    """Read one stream in an event loop."""

    async def run() -> tuple[list[Draft], Outcome[Any]]:
        at = (name, provider.base_url, provider.key)
        async with AsyncBoundary.open(*at, model=MODEL, policy=policy(), sinks=[sink]) as boundary:
            async with boundary.stream(task, EVIDENCE) as stream:
                drafts = [draft async for draft in stream]
            assert len(asyncio.all_tasks()) == 1
        return drafts, stream.outcome

    return asyncio.run(run())


both_faces = pytest.mark.parametrize("read", [read_sync, read_async], ids=["sync", "async"])
each_api = pytest.mark.parametrize("name", sorted(ADAPTERS))
Read = Callable[[str, Provider, Task, Any], tuple[list[Draft], Outcome[Any]]]


def no_connection(provider: Provider) -> bool:
    """Whether the provider sees every connection closed, within a second."""
    ends = time.monotonic() + 1.0
    while provider.connections and time.monotonic() < ends:
        time.sleep(0.005)
    return provider.connections == 0


def test_every_stream_fault_is_here() -> None:
    """A stream fault that is added to the provider must say how a stream ends under it."""
    assert {name for name, spec in FAULTS.items() if spec.where == "stream"} <= {
        key.partition(":")[0] for key in ENDS
    }


@both_faces
@each_api
@pytest.mark.parametrize("fault", list(ENDS))
def test_a_stream_under_a_fault_ends_as_it_should(
    fault: str, name: str, read: Read, provider: Provider
) -> None:
    """One outcome, one record, the right name, as many requests as were counted, no connection left."""
    provider.reset()
    provider.script([fault] * 3)
    records: list[CallRecord] = []
    drafts, outcome = read(name, provider, REPLY, records.append)
    status, reason, requests = ENDS[fault]
    status = IN_OTHER_WORDS.get((fault, name), status)
    assert (status, requests) == (outcome.record.status, provider.count)
    assert not reason or reason == outcome.record.reason
    assert [outcome.record] == records
    assert (State.STARTED, State.COMPLETED if outcome.ok else State.FAILED) == (
        drafts[0].state,
        drafts[-1].state,
    )
    assert no_connection(provider)


@both_faces
@each_api
def test_the_sentence_of_the_lesson(name: str, read: Read, provider: Provider) -> None:
    """Deltas grow to the sentence; the completed draft is for display; the value is what the gates passed."""
    provider.reset()
    drafts, outcome = read(name, provider, REPLY, lambda _: None)
    shown = [draft for draft in drafts if draft.state is State.STREAMING]
    assert SAID == drafts[-1].text == "".join(draft.delta for draft in shown) == outcome.unwrap().text
    assert len(shown) > 3
    assert not any(draft.approved for draft in drafts)
    assert outcome.record.streamed
    assert outcome.record.output_tokens


@each_api
def test_ninety_days_at_the_end(name: str, provider: Provider) -> None:
    """A decision that streams well and says 90: shown as a draft, refused at the end, and no action ran."""
    provider.reset()
    provider.script(["window_90"])
    ran: list[Any] = []
    with Boundary.open(name, provider.base_url, provider.key, model=MODEL, policy=policy()) as boundary:
        with boundary.stream(TASK, EVIDENCE) as stream:
            stream.when_approved(ran.append)
            drafts = list(stream)
    assert ("unsupported_decision", "unsupported window") == (
        stream.outcome.record.status,
        stream.outcome.record.reason,
    )
    assert '"rotation_window_days":90' in drafts[-1].text
    assert ran == []


@each_api
def test_cancelling_a_live_stream(name: str, provider: Provider) -> None:
    """The provider notices at once; the record says cancelled, and that the usage is unknown."""
    provider.reset()
    provider.script(["pace:0.05"])
    with Boundary.open(name, provider.base_url, provider.key, model=MODEL, policy=policy()) as boundary:
        with boundary.stream(REPLY, EVIDENCE) as stream:
            for draft in stream:
                if draft.text:
                    stream.cancel()
            assert no_connection(provider)
    assert ("cancelled", None) == (stream.outcome.record.status, stream.outcome.record.usage)
    assert stream.outcome.record.unreported_attempts == 1


@each_api
def test_a_drip_ends_with_the_deadline(name: str, provider: Provider) -> None:
    """One byte at a time is never idle, and still ends when the time is up."""
    provider.reset()
    provider.script(["drip"])
    _, outcome = read_sync(name, provider, replace(REPLY, timeout_seconds=0.5), lambda _: None)
    assert ("timeout", "deadline") == (outcome.record.status, outcome.record.reason)
    assert outcome.record.latency_ms < 650
