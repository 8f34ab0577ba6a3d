"""What the three APIs' streams add up to, and what they are worth when they break off."""

# ruff: noqa: E501 - one stream a line reads as a table

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from labkit.contracts import Evidence, PolicyLine, Task
from labkit.lab.case import EVIDENCE, TASK
from labkit.providers import AnthropicMessages, OpenAIChat, OpenAIResponses, Response
from labkit.providers.accumulate import Accumulator, BadEvent, StreamingAdapter, ToolCall
from labkit.providers.base import Malformed
from labkit.sse import Decoder, Event
from labkit.usage import Usage
from tests.wire_streams import FORM, SENTENCE, chat, chat_call, chunk, messages, named, responses, sse

USAGE = Usage(input_tokens=250, output_tokens=80)
ADAPTERS: dict[str, StreamingAdapter] = {
    "chat": OpenAIChat(),
    "messages": AnthropicMessages(),
    "responses": OpenAIResponses(),
}
STREAMS = {"chat": chat(), "messages": messages(), "responses": responses()}
each_api = pytest.mark.parametrize("api", list(STREAMS))


def read(accumulator: Accumulator, events: Sequence[bytes]) -> list[str]:
    """Feed a stream, and collect what each event adds to the draft."""
    decoder = Decoder()
    return [accumulator.take(event) for event in decoder.feed(b"".join(events))]


@each_api
def test_deltas_grow_to_the_sentence(api: str) -> None:
    """All three APIs give the same draft and the same reply."""
    stream = ADAPTERS[api].accumulator()
    deltas = [delta for delta in read(stream, STREAMS[api]) if delta]
    reply = stream.reply()
    assert deltas == list(SENTENCE)
    assert stream.whole
    assert (reply.text, reply.usage) == ("Account acct_10234 is eligible under P-7.", USAGE)
    assert (reply.incomplete, reply.refused) == (False, False)
    assert reply.model == "practice-1"
    assert reply.id is not None


@each_api
def test_a_stream_is_whole_only_at_its_very_end(api: str) -> None:
    """However many events have come, a stream that lacks its last one is no answer."""
    for count in range(len(STREAMS[api])):
        stream = ADAPTERS[api].accumulator()
        read(stream, STREAMS[api][:count])
        assert not stream.whole, count
        assert not stream.done, count


@each_api
def test_usage_is_unknown_until_it_is_final(api: str) -> None:
    """A stream that is cut after its last delta has no usage: not zero, and not the start's placeholder."""
    stream = ADAPTERS[api].accumulator()
    last_delta = next(index for index, event in enumerate(STREAMS[api]) if b'"under P-7."' in event)
    read(stream, STREAMS[api][: last_delta + 1])
    assert stream.reply().usage is None


def test_chat_needs_its_finish_reason_too() -> None:
    """`[DONE]` without a finish reason is an end, not a whole answer."""
    stream = OpenAIChat().accumulator()
    read(stream, [chunk({"content": "Account"}), sse("[DONE]")])
    assert stream.done
    assert not stream.whole


def test_the_form_of_messages_is_its_answer() -> None:
    """The forced tool's input grows as text, and is the reply's text, as it was written."""
    stream = AnthropicMessages().accumulator()
    deltas = [delta for delta in read(stream, messages(FORM, "tool_use", form=True)) if delta]
    assert deltas == list(FORM)
    assert stream.reply().text == "".join(FORM)


def test_a_form_that_was_never_filled_in_is_empty() -> None:
    """A tool call without any input is an empty object, which the schema gate refuses."""
    stream = AnthropicMessages().accumulator()
    read(stream, messages((), "tool_use", form=True))
    assert stream.reply().text == "{}"


def test_tool_arguments_wait_for_the_end() -> None:
    """Half of a tool call's arguments can be read by a debugger, and run by nobody."""
    events = chat_call("create_rotation_job", ('{"account_id"', ':"acct_10234"}'))
    stream = OpenAIChat().accumulator()
    read(stream, events[:2])
    assert stream.buffered_calls == (ToolCall("create_rotation_job", '{"account_id"'),)
    assert stream.tool_calls == ()
    read(stream, events[2:])
    assert stream.tool_calls == (ToolCall("create_rotation_job", '{"account_id":"acct_10234"}'),)
    assert "acct_10234" not in repr(stream.tool_calls)


@pytest.mark.parametrize(
    ("api", "event", "codes"),
    [
        ("chat", sse({"error": {"message": "m", "type": "server_error", "code": "overloaded"}}), ("overloaded", "server_error")),
        ("chat", sse({"message": "m"}, "error"), ()),
        ("messages", named({"type": "error", "error": {"type": "overloaded_error", "message": "m"}}), ("overloaded_error",)),
        ("responses", named({"type": "error", "code": "server_error", "message": "m", "sequence_number": 3}), ("server_error",)),
        ("responses", named({"type": "response.failed", "response": {"status": "failed", "error": {"code": "rate_limit_exceeded"}}}), ("rate_limit_exceeded",)),
        ("responses", named({"type": "response.failed", "response": {"status": "failed"}}), ("server_error",)),
    ],
)  # fmt: skip
def test_an_error_ends_the_stream_with_its_words(api: str, event: bytes, codes: tuple[str, ...]) -> None:
    """An error in mid-stream is read by its machine-readable words, and the stream is not whole."""
    stream = ADAPTERS[api].accumulator()
    read(stream, [*STREAMS[api][:3], event])
    assert (stream.done, stream.whole, stream.error_codes) == (True, False, codes)


@pytest.mark.parametrize(
    ("api", "events"),
    [
        ("chat", [chunk({"content": "Half"}), chunk({"refusal": "I can"}), chunk({"refusal": "not."}), chunk({}, "stop"), sse("[DONE]")]),
        ("chat", chat(("Half",), "content_filter")),
        ("messages", messages(("Half",), "refusal")),
        ("responses", [named({"type": "response.output_text.delta", "delta": "Half"}), named({"type": "response.refusal.delta", "delta": "I cannot."}), named({"type": "response.completed", "response": {"status": "completed", "output": [{"type": "message", "content": [{"type": "refusal", "refusal": "I cannot."}]}]}})]),
    ],
)  # fmt: skip
def test_a_refusal_midway_is_a_refusal(api: str, events: list[bytes]) -> None:
    """Half an answer, then a refusal: the reply is refused, whatever text came before."""
    stream = ADAPTERS[api].accumulator()
    read(stream, events)
    assert stream.whole
    assert stream.reply().refused


@pytest.mark.parametrize(
    ("api", "events"),
    [("chat", chat(finish="length")), ("messages", messages(stop="max_tokens")), ("responses", responses(status="incomplete"))],
)  # fmt: skip
def test_a_length_stop_is_incomplete(api: str, events: list[bytes]) -> None:
    """A stream that ended in order because the token limit was reached is whole, and incomplete."""
    stream = ADAPTERS[api].accumulator()
    read(stream, events)
    assert stream.whole
    assert stream.reply().incomplete


@pytest.mark.parametrize("numbers", [(0, 2), (0, 0), (5, 4), (0, 1, 3)])
def test_lost_or_repeated_events_are_noticed(numbers: tuple[int, ...]) -> None:
    """Responses numbers its events: a gap, a repeat or a step back ends the stream."""
    stream = OpenAIResponses().accumulator()
    events = [named({"type": "response.in_progress", "sequence_number": number}) for number in numbers]
    with pytest.raises(BadEvent, match="event_order"):
        read(stream, events)


@pytest.mark.parametrize(
    ("api", "event"),
    [
        ("chat", b"data: <html>\n\n"),
        ("chat", b"data: [1]\n\n"),
        ("chat", b"data: " + b"[" * 100_000 + b"\n\n"),
        ("chat", sse({"choices": {}})),
        ("chat", sse({"choices": [1]})),
        ("chat", sse({"choices": [{"delta": "x"}]})),
        ("chat", chunk({"content": 7})),
        ("chat", chunk({"tool_calls": [{"index": "0"}]})),
        ("chat", chunk({"tool_calls": [{"index": 10**9}]})),
        ("messages", named({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 1}})),
        ("messages", named({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{"}})),
        ("messages", named({"type": "content_block_start", "index": -1, "content_block": {}})),
        ("messages", named({"type": "message_start", "message": []})),
        ("responses", named({"type": "response.output_text.delta", "delta": 3})),
        ("responses", named({"type": "response.function_call_arguments.delta", "delta": "{"})),
        ("responses", named({"type": "response.completed", "response": "x"})),
    ],
)  # fmt: skip
def test_an_event_of_another_shape_has_a_name(api: str, event: bytes) -> None:
    """What is not this API's event ends in a named error, never in a TypeError."""
    with pytest.raises(BadEvent):
        read(ADAPTERS[api].accumulator(), [event])


@each_api
def test_memory_is_bounded(api: str) -> None:
    """A stream of text without end is refused at a million characters."""
    big = "x" * 300_000
    streams = {"chat": chat([big] * 4), "messages": messages([big] * 4), "responses": responses([big] * 4)}
    with pytest.raises(BadEvent, match="stream_too_long"):
        read(ADAPTERS[api].accumulator(), streams[api])


@each_api
def test_unknown_events_and_keep_alives_are_passed_over(api: str) -> None:
    """APIs add events: what this version does not know changes nothing."""
    new = chunk({}, object="x", choices=[]) if api == "chat" else named({"type": "response.new.thing"})
    with_noise = [part for event in STREAMS[api] for part in (b": keep-alive\n\n", new, event)]
    stream = ADAPTERS[api].accumulator()
    read(stream, with_noise)
    assert stream.whole
    assert stream.reply().text == "".join(SENTENCE)


@each_api
def test_a_stream_request_is_the_request_and_a_flag(api: str) -> None:
    """Streaming changes how the answer comes, and nothing about what is asked."""
    plain, stream = (
        make(TASK, EVIDENCE, "practice-1") for make in (ADAPTERS[api].request, ADAPTERS[api].stream_request)
    )
    added = {key: value for key, value in stream.body.items() if plain.body.get(key) != value}
    assert added.pop("stream") is True
    assert added in ({}, {"stream_options": {"include_usage": True}})
    assert stream.path == plain.path
    assert stream.headers["accept"] == "text/event-stream"


def test_the_event_type_comes_from_the_data() -> None:
    """A proxy that strips `event:` lines does not change what an event means."""
    stream = AnthropicMessages().accumulator()
    for wire in messages():
        stream.take(Event("message", wire.decode().partition("data: ")[2].strip()))
    assert stream.whole


# ── Responses, not streamed ──


def response(**body: object) -> Response:
    """A body with status 200."""
    return Response(200, {}, json.dumps(body).encode())


def test_responses_asks_for_a_strict_schema() -> None:
    """Instructions, input and schema; nothing is stored, unless the answer is made in the background."""
    body = OpenAIResponses().request(TASK, EVIDENCE, "practice-1").body
    assert body["text"]["format"]["strict"] is True
    assert body["input"].startswith("Policy lines:\nP-7: ")
    assert body["store"] is False
    background = OpenAIResponses(background=True).request(TASK, EVIDENCE, "practice-1").body
    assert (background["store"], background["background"]) == (True, True)


def test_plain_text_asks_for_no_format() -> None:
    """A draft for a person is asked for as prose, by every adapter."""
    task = Task("draft_reply", "acct_10234", ("P-7",), "When?", "trace_1", "reply_draft@1")
    for adapter in ADAPTERS.values():
        body = adapter.request(task, EVIDENCE, "practice-1").body
        assert not {"text", "tools", "response_format"} & set(body)


def test_responses_reads_the_status_first() -> None:
    """Completed with text; incomplete and refused are states of their own; failed keeps the provider's word."""
    adapter = OpenAIResponses()
    output = [{"type": "reasoning"}, {"type": "message", "content": [{"type": "output_text", "text": "{}"}]}]
    done = adapter.reply(response(status="completed", output=output, id="resp_1", model="m"))
    assert not isinstance(done, Malformed)
    assert (done.text, done.finish, done.incomplete) == ("{}", "completed", False)
    cut = adapter.reply(
        response(status="incomplete", output=output, incomplete_details={"reason": "max_output_tokens"})
    )
    assert not isinstance(cut, Malformed)
    assert (cut.finish, cut.incomplete, cut.refused) == ("max_output_tokens", True, False)
    filtered = adapter.reply(
        response(status="incomplete", output=[], incomplete_details={"reason": "content_filter"})
    )
    assert not isinstance(filtered, Malformed)
    assert filtered.refused
    failed = adapter.reply(
        response(status="failed", output=[], error={"code": "server_error", "message": "m"})
    )
    assert failed == Malformed("failed", ("server_error",))


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"output": 5}'])
def test_a_body_that_is_no_response_has_a_name(body: bytes) -> None:
    """A page, a list or an empty object is malformed."""
    assert isinstance(OpenAIResponses().reply(Response(200, {}, body)), Malformed)


def test_a_background_answer_is_asked_for_until_it_is_there() -> None:
    """Queued gives the request that asks again, and the one that cancels; a finished one gives neither."""
    adapter = OpenAIResponses(background=True)
    poll = adapter.poll(response(id="resp_1", status="queued"))
    assert poll is not None
    assert (poll.method, poll.path) == ("GET", "/v1/responses/resp_1")
    assert adapter.cancel(poll).path == "/v1/responses/resp_1/cancel"
    assert adapter.poll(response(id="resp_1", status="completed")) is None
    assert adapter.poll(response(id="../files/x", status="queued")) is None


def test_evidence_goes_into_every_request() -> None:
    """The policy lines are the same text for all three APIs."""
    line = PolicyLine("P-7", "Keys go.", 30)
    evidence = Evidence((line,), {"account_id": "acct_10234"})
    for adapter in ADAPTERS.values():
        assert "P-7: Keys go." in json.dumps(adapter.request(TASK, evidence, "m").body)
