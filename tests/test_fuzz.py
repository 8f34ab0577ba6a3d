"""Whatever bytes and JSON come, what leaves is a value or a named failure, never another exception.

A small number of cases by default. All of them, about 100,000:

    LABKIT_FUZZ_CASES=100000 python -m pytest tests/test_fuzz.py
"""

# ruff: noqa: E501 - one document a line reads as a table

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit.contracts import Evidence, PolicyLine, ReplyDraft, RotationDecision, ScanSummary, Task
from labkit.failures import Kind
from labkit.lab.case import EVIDENCE, QUESTION, TASK
from labkit.providers import AnthropicMessages, OpenAIChat, OpenAIResponses, Response
from labkit.providers.accumulate import BadEvent
from labkit.providers.base import Malformed, Reply
from labkit.rules import REPLY_RULES, ROTATION_RULES, SCAN_RULES
from labkit.sse import Decoder, EventTooLarge
from labkit.validation import Rejected, gate
from tests.test_streaming import played
from tests.wire_streams import FORM, chat, chat_call, messages, responses

CASES = int(os.environ.get("LABKIT_FUZZ_CASES", "600"))
PARTS = 6
fuzz = settings(
    max_examples=max(1, -(-CASES // PARTS)),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["error", "stop", "P-7", "acct_10234", "eligible", "response.completed", "message_stop", 10**30])
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
ADAPTERS = (OpenAIChat(), AnthropicMessages(), OpenAIResponses())
STREAMS = (
    [chat(), chat_call("create_rotation_job", ["{", "}"])],
    [messages(), messages(FORM, "tool_use", form=True)],
    [responses(), responses(status="incomplete")],
)
BODIES: list[Any] = [
    {"id": "c", "model": "m", "usage": {"prompt_tokens": 2, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 1}},
     "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "{}", "refusal": None}}]},
    {"id": "m", "model": "m", "stop_reason": "tool_use", "content": [{"type": "tool_use", "name": "f", "input": {"a": 1}}, {"type": "text", "text": "t"}],
     "usage": {"input_tokens": 2, "output_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 0}}},
    {"id": "r", "model": "m", "status": "completed", "incomplete_details": {"reason": "max_output_tokens"}, "error": {"code": "c"},
     "output": [{"type": "message", "content": [{"type": "output_text", "text": "{}"}]}], "usage": {"input_tokens": 2, "output_tokens": 1}},
    {"error": {"type": "t", "code": "c", "message": "m", "details": {"error_code": "e"}}},
]  # fmt: skip
SCAN = Evidence((), {"account_id": "acct_1", "findings": [{"id": "F-1"}, {"id": "F-2"}]})
GATES: list[tuple[type[Any], Evidence, tuple[Any, ...], Any]] = [
    (RotationDecision, EVIDENCE, ROTATION_RULES, {"decision": "eligible", "rotation_window_days": 30, "source_line_ids": ["P-7"]}),
    (ScanSummary, SCAN, SCAN_RULES, {"summary": "2 findings", "finding_ids": ["F-1", "F-2"]}),
]  # fmt: skip
REPLY = Task("draft_reply", "acct_10234", ("P-7",), QUESTION, "trace_1", "reply_draft@1")


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path into a document."""
    inner: list[tuple[Any, ...]] = []
    if isinstance(document, dict):
        inner = [place for key in document for place in places(document[key], (*path, key))]
    elif isinstance(document, list):
        inner = [place for index in range(len(document)) for place in places(document[index], (*path, index))]
    return [path, *inner]


@st.composite
def spoiled(draw: Callable[[Any], Any], document: Any) -> Any:
    """A document with a few of its places changed, removed or doubled."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(places(document)))
        if not place:
            continue
        holder = document
        for step in place[:-1]:
            holder = holder[step]
        if draw(st.booleans()) and isinstance(holder, dict):
            del holder[place[-1]]
        else:
            holder[place[-1]] = draw(VALUES)
    return document


@st.composite
def spoiled_bytes(draw: Callable[[Any], Any], whole: bytes) -> bytes:
    """Bytes with a few cuts, insertions and repeats."""
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(whole)))
        end = draw(st.integers(start, min(len(whole), start + 30)))
        whole = whole[:start] + draw(st.binary(max_size=6) | st.just(whole[start:end] * 2)) + whole[end:]
    return whole


def readable(data: bytes) -> Any:
    """The JSON in an event's data, None where an earlier change has broken it."""
    try:
        return json.loads(data)
    except ValueError:
        return None


@st.composite
def spoiled_stream(draw: Callable[[Any], Any], api: int) -> bytes:
    """A stream of an API with some events changed, dropped, doubled or cut."""
    events = list(draw(st.sampled_from(STREAMS[api])))
    for _ in range(draw(st.integers(0, 3))):
        if not events:
            break
        at = draw(st.integers(0, len(events) - 1))
        change = draw(st.sampled_from(["drop", "double", "spoil", "spoil", "cut"]))
        name, _, data = events[at].partition(b"data: ")
        document = readable(data)
        if change == "drop":
            del events[at]
        elif change == "double":
            events.insert(at, events[at])
        elif change == "spoil" and document is not None:
            events[at] = name + b"data: " + json.dumps(draw(spoiled(document))).encode() + b"\n\n"
        else:
            events[at] = draw(spoiled_bytes(events[at]))
    return b"".join(events)


@fuzz
@given(st.data(), st.integers(0, 2), st.integers(1, 80))
def test_streams(data: st.DataObject, api: int, size: int) -> None:
    """A spoiled stream is read, or ends in a `BadEvent`; split otherwise it says the same."""
    stream = data.draw(spoiled_stream(api) | st.binary(max_size=200))
    said = []
    for step in (len(stream) or 1, size):
        accumulator, decoder, text = ADAPTERS[api].accumulator(), Decoder(), ""
        ended = ""
        try:
            for start in range(0, len(stream), step):
                for event in decoder.feed(stream[start : start + step]):
                    text += accumulator.take(event)
        except (BadEvent, EventTooLarge) as bad:
            ended = str(bad)
        reply = accumulator.reply()
        assert isinstance(reply, Reply)
        assert not accumulator.whole or reply.finish is not None or reply.incomplete
        said.append((text, ended, accumulator.whole, reply))
    assert said[0] == said[1]


@fuzz
@given(st.data(), st.integers(0, 2))
def test_streamed_calls(data: st.DataObject, api: int) -> None:
    """Any bytes as a stream's body: one outcome, one record, a kind that has a name, no action by mistake."""
    stream = data.draw(spoiled_stream(api) | st.binary(max_size=200))
    wire = played(stream)
    ran: list[object] = []
    with wire.boundary(ADAPTERS[api]).stream(data.draw(st.sampled_from([REPLY, TASK])), EVIDENCE) as live:
        live.when_approved(ran.append)
        list(live)
    assert wire.records == [live.outcome.record]
    assert live.outcome.record.status in set(Kind) - {Kind.UNKNOWN}
    assert bool(ran) is live.outcome.ok


@fuzz
@given(st.data(), st.integers(0, 2))
def test_replies(data: st.DataObject, api: int) -> None:
    """Any body is a reply or malformed, and its error words are words."""
    body = data.draw(
        st.sampled_from(BODIES).flatmap(spoiled).map(lambda value: json.dumps(value).encode()) | st.binary()
    )
    body = data.draw(spoiled_bytes(body))
    response = Response(200, {}, body)
    reply = ADAPTERS[api].reply(response)
    assert isinstance(reply, Reply | Malformed)
    assert not isinstance(reply, Reply) or isinstance(reply.text, str)
    assert all(isinstance(code, str) for code in ADAPTERS[api].error_codes(response))
    ADAPTERS[2].poll(response)


@fuzz
@given(st.data(), st.sampled_from(GATES))
def test_gates_on_json(data: st.DataObject, case: tuple[type[Any], Evidence, tuple[Any, ...], Any]) -> None:
    """Spoiled JSON is a typed value that keeps every rule, or rejected with reasons."""
    result_type, evidence, rules, document = case
    text = json.dumps(data.draw(spoiled(document)), ensure_ascii=data.draw(st.booleans()))
    outcome = gate(text, result_type, evidence, rules)
    if isinstance(outcome, Rejected):
        assert outcome.reasons
        assert all(code.replace("_", "").isalpha() for code, _ in outcome.reasons)
    else:
        assert isinstance(outcome, result_type)


@fuzz
@given(st.text() | st.text('{}[]":,0123456789eE.-+truefalsn \\uP-acct_', max_size=60), st.sampled_from(GATES))
def test_gates_on_text(text: str, case: tuple[type[Any], Evidence, tuple[Any, ...], Any]) -> None:
    """Any text at all, as JSON and as prose."""
    for result_type, evidence, rules in (case[:3], (ReplyDraft, EVIDENCE, REPLY_RULES)):
        outcome = gate(text, result_type, evidence, rules)
        assert isinstance(outcome, Rejected | result_type)


@fuzz
@given(st.data(), st.sampled_from(GATES))
def test_rules_on_evidence(
    data: st.DataObject, case: tuple[type[Any], Evidence, tuple[Any, ...], Any]
) -> None:
    """Evidence of any shape: rules read facts that the app supplies, and facts can be odd too."""
    result_type, _, rules, document = case
    facts = data.draw(spoiled({**EVIDENCE.facts, **SCAN.facts}))
    lines = data.draw(
        st.lists(
            st.builds(
                PolicyLine,
                st.text(max_size=4) | st.just("P-7"),
                st.text(max_size=4),
                st.none() | st.integers(),
            )
        )
    )
    evidence = Evidence(tuple(lines), facts if isinstance(facts, dict) else {})
    outcome = gate(json.dumps(document), result_type, evidence, rules)
    assert isinstance(outcome, Rejected | result_type)
    assert isinstance(
        gate("P-7, 30 days, it is eligible", ReplyDraft, evidence, REPLY_RULES), Rejected | ReplyDraft
    )
