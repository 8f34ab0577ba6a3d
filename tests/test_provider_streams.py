"""Streams of the three APIs, read by the official SDKs under strict validation, and their faults."""

import json
import time
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest
from practice_case import (
    ACTION_SCHEMA,
    DECISION,
    MODEL,
    SCHEMA,
    anthropic_client,
    bearer,
    chat_body,
    messages_body,
    openai_client,
    user,
)

from labkit.lab.provider import Provider, practice
from labkit.lab.provider.events import Event, Part, pieces, spoiled
from labkit.lab.provider.faults import parse

SENTENCE = "Account acct_10234 is eligible under P-7."


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with practice() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.reset()
    return running


@pytest.fixture
def gpt(provider: Provider) -> Iterator[openai.OpenAI]:
    with openai_client(provider) as client:
        yield client


@pytest.fixture
def claude(provider: Provider) -> Iterator[anthropic.Anthropic]:
    with anthropic_client(provider) as client:
        yield client


def text_body(path: str) -> dict[str, Any]:
    """A streamed request for plain text, for any of the three APIs."""
    turns = [{"role": "user", "content": user()}]
    if path == "/v1/responses":
        return {"model": MODEL, "input": user(), "stream": True}
    limit = {"max_tokens": 100} if path == "/v1/messages" else {}
    return {"model": MODEL, "messages": turns, "stream": True, **limit}


def responses_body(**changes: Any) -> dict[str, Any]:
    """A Responses request for the decision."""
    form = {"type": "json_schema", "name": "rotation_decision", "strict": True, "schema": SCHEMA}
    return {"model": MODEL, "input": user(), "text": {"format": form}, **changes}


PATHS = ["/v1/chat/completions", "/v1/messages", "/v1/responses"]


def test_chat_streams(gpt: openai.OpenAI) -> None:
    """Chat deltas join to the decision; the finish reason and the usage come after them."""
    body = chat_body(stream=True, stream_options={"include_usage": True})
    chunks = list(gpt.chat.completions.create(**body))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert json.loads(text) == DECISION
    assert len(chunks) > 6
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 19


def test_chat_streams_without_usage_unless_asked(gpt: openai.OpenAI) -> None:
    """Usage comes only when it is asked for."""
    chunks = list(gpt.chat.completions.create(**chat_body(stream=True)))
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


@pytest.mark.parametrize(("fault", "finish"), [("length", "length"), ("content_filter", "content_filter")])
def test_chat_streams_say_why_they_stopped(
    provider: Provider, gpt: openai.OpenAI, fault: str, finish: str
) -> None:
    """The last choice of a stream has the finish reason of the plain call."""
    provider.script([fault])
    chunks = list(gpt.chat.completions.create(**chat_body(stream=True)))
    assert chunks[-1].choices[0].finish_reason == finish


def test_messages_stream(claude: anthropic.Anthropic) -> None:
    """The SDK's own accumulator builds the same message as the plain call returns."""
    with claude.messages.stream(**messages_body()) as stream:
        names = [event.type for event in stream]
        message = stream.get_final_message()
    assert message.content[0].input == DECISION
    assert (message.stop_reason, message.usage.output_tokens) == ("tool_use", 23)
    assert (names[0], names[-1]) == ("message_start", "message_stop")


def test_messages_stream_of_text(claude: anthropic.Anthropic) -> None:
    """Text deltas grow to the sentence."""
    turns = [{"role": "user", "content": user()}]
    with claude.messages.stream(model=MODEL, max_tokens=90, messages=turns) as stream:
        assert "".join(stream.text_stream) == SENTENCE


def test_responses_answer_and_stream(gpt: openai.OpenAI) -> None:
    """A response and its stream end in the same output; every event is numbered in order."""
    whole = gpt.responses.create(**responses_body())
    events = list(gpt.responses.create(**responses_body(stream=True)))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    deltas = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert deltas == whole.output_text == events[-1].response.output_text
    assert json.loads(deltas) == DECISION
    assert whole.usage.total_tokens == whole.usage.input_tokens + whole.usage.output_tokens


def test_responses_propose_a_tool(gpt: openai.OpenAI) -> None:
    """The action is proposed as a function call, whole and streamed."""
    tool = {"type": "function", "name": "create_rotation_job", "parameters": ACTION_SCHEMA, "strict": True}
    call = gpt.responses.create(model=MODEL, input=user(), tools=[tool]).output[0]
    assert json.loads(call.arguments) == {"account_id": "acct_10234", "policy_line_id": "P-7"}
    events = list(gpt.responses.create(model=MODEL, input=user(), tools=[tool], stream=True))
    wanted = "response.function_call_arguments.delta"
    assert "".join(event.delta for event in events if event.type == wanted) == call.arguments


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [("length", "incomplete", "max_output_tokens"), ("content_filter", "incomplete", "content_filter")],
)
def test_responses_stop_early(
    provider: Provider, gpt: openai.OpenAI, fault: str, status: str, reason: str
) -> None:
    """An early stop is the status of the whole response, with its reason."""
    provider.script([fault, fault])
    reply = gpt.responses.create(**responses_body())
    assert (reply.status, reply.incomplete_details.reason) == (status, reason)
    assert list(gpt.responses.create(**responses_body(stream=True)))[-1].type == "response.incomplete"


def test_responses_in_the_background() -> None:
    """A background response is queued, in progress, then completed, by the provider's clock."""
    with practice(clock=lambda: 1000.0, background_seconds=60) as provider, openai_client(provider) as gpt:
        reply = gpt.responses.create(**responses_body(background=True))
        seen = [reply.status]
        for _ in range(2):
            provider.advance(30)
            reply = gpt.responses.retrieve(reply.id)
            seen.append(reply.status)
        assert seen == ["queued", "in_progress", "completed"]
        assert json.loads(reply.output_text) == DECISION


def test_cancelling_in_the_background() -> None:
    """Cancel stops what is under way, leaves alone what has ended, and needs background mode."""
    with practice(clock=lambda: 1000.0, background_seconds=60) as provider, openai_client(provider) as gpt:
        running = gpt.responses.create(**responses_body(background=True))
        ended = gpt.responses.create(**responses_body(background=True))
        assert gpt.responses.cancel(running.id).status == "cancelled"
        provider.advance(61)
        assert gpt.responses.cancel(ended.id).status == "completed"
        assert gpt.responses.retrieve(running.id).status == "cancelled"
        plain = gpt.responses.create(**responses_body())
        with pytest.raises(openai.BadRequestError):
            gpt.responses.cancel(plain.id)
        with pytest.raises(openai.NotFoundError):
            gpt.responses.retrieve("resp_unknown")


def test_a_background_response_can_fail() -> None:
    """A failure in the background is a status with an error, not an HTTP error."""
    with (
        practice(script=["background_failed"], background_seconds=0) as provider,
        openai_client(provider) as gpt,
    ):
        reply = gpt.responses.create(**responses_body(background=True))
    assert (reply.status, reply.error.code, reply.output) == ("failed", "server_error", [])


@pytest.mark.parametrize("path", PATHS)
def test_refused_midway(provider: Provider, path: str) -> None:
    """Half an answer, then a refusal, and the stream ends in order."""
    provider.script(["refusal_midway"])
    text = httpx.post(provider.base_url + path, headers=bearer(provider), json=text_body(path)).text
    assert SENTENCE not in text
    assert "Account" in text
    assert '"refusal"' in text
    assert ("[DONE]" in text) or ("message_stop" in text) or ("response.completed" in text)


END = {
    "/v1/chat/completions": "[DONE]",
    "/v1/messages": "message_stop",
    "/v1/responses": "response.completed",
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("fault", "events"),
    [("drop:3", 3), ("drop_reset:3", None), ("end_early:3", 3), ("no_marker", None), ("no_done", None)],
)
def test_streams_that_end_without_their_end(
    provider: Provider, path: str, fault: str, events: int | None
) -> None:
    """Each way to lose the end of a stream loses it, and keeps what came before."""
    provider.script([fault])
    lines: list[str] = []
    broken = None
    with httpx.stream(
        "POST", provider.base_url + path, headers=bearer(provider), json=text_body(path)
    ) as reply:
        try:
            lines.extend(reply.iter_lines())
        except httpx.TransportError as exc:
            broken = exc
    data = [line for line in lines if line.startswith("data:")]
    assert not any(END[path] in line for line in data)
    assert events is None or len(data) == events
    assert (broken is not None) == fault.startswith("drop")
    if fault in {"no_marker", "no_done"}:
        assert "P-7" in "".join(data)


def test_sdks_call_half_a_stream_a_success(provider: Provider, gpt: openai.OpenAI) -> None:
    """Why the marker matters: the SDK reads a cleanly cut stream to its end without a word."""
    provider.script(["end_early:4"])
    chunks = list(gpt.chat.completions.create(**chat_body(stream=True)))
    assert len(chunks) == 4
    assert all(chunk.choices[0].finish_reason is None for chunk in chunks)


def test_error_events(provider: Provider, gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """An error in mid-stream is the error that each SDK documents, after the deltas before it."""
    provider.script(["stream_error:4"])
    got = []
    with pytest.raises(openai.APIError, match="overloaded"):
        got.extend(gpt.chat.completions.create(**chat_body(stream=True)))
    provider.script(["stream_error:4"])
    with (
        pytest.raises(anthropic.APIStatusError, match="overloaded"),
        claude.messages.stream(**messages_body()) as stream,
    ):
        stream.get_final_message()
    provider.script(["stream_error:4"])
    events = list(gpt.responses.create(**responses_body(stream=True)))
    assert events[-1].type == "error"
    assert events[-1].code == "server_overloaded"


@pytest.mark.parametrize(
    "fault", ["ping_storm:20", "split_utf8", "split_bytes:1", "split_bytes:7", "pace:0.001"]
)
def test_harmless_faults_change_nothing(
    provider: Provider, gpt: openai.OpenAI, claude: anthropic.Anthropic, fault: str
) -> None:
    """Pings, odd splits and slow chunks must not change what a good client reads."""
    provider.script([fault] * 3)
    text = "".join(
        chunk.choices[0].delta.content or ""
        for chunk in gpt.chat.completions.create(**chat_body(stream=True))
    )
    with claude.messages.stream(**messages_body()) as stream:
        message = stream.get_final_message()
    events = list(gpt.responses.create(**responses_body(stream=True)))
    assert (
        json.loads(text)
        == message.content[0].input
        == json.loads(events[-1].response.output_text)
        == DECISION
    )


def test_a_character_really_is_split(provider: Provider) -> None:
    """With split_utf8 some chunk on the wire ends inside a character."""
    provider.script(["split_utf8+pace:0.002"])
    path = "/v1/chat/completions"
    with httpx.stream(
        "POST", provider.base_url + path, headers=bearer(provider), json=text_body(path)
    ) as reply:
        chunks = list(reply.iter_raw())
    broken = 0
    for chunk in chunks:
        try:
            chunk.decode()
        except UnicodeDecodeError:
            broken += 1
    assert broken
    assert "✓" in b"".join(chunks).decode()


def test_a_client_that_stops_is_noticed(provider: Provider) -> None:
    """Closing a stream in the middle ends it on the provider's side at once."""
    provider.script(["pace:0.3"])
    path = "/v1/chat/completions"
    with httpx.stream(
        "POST", provider.base_url + path, headers=bearer(provider), json=text_body(path)
    ) as reply:
        next(reply.iter_raw())
    deadline = time.monotonic() + 3
    while provider.requests[0].ended == "open" and time.monotonic() < deadline:
        time.sleep(0.002)
    assert provider.requests[0].ended == "client_gone"
    assert provider.requests[0].sent_chunks < 8


def test_a_stall_is_silence_after_some_chunks(provider: Provider) -> None:
    """A stalled stream sends what it has and then nothing."""
    provider.script(["stall:2"])
    path = "/v1/messages"
    lines: list[str] = []
    with (
        pytest.raises(httpx.ReadTimeout),
        httpx.stream(
            "POST", provider.base_url + path, headers=bearer(provider), json=text_body(path), timeout=1.0
        ) as reply,
    ):
        lines.extend(line for line in reply.iter_lines() if line.startswith("data:"))
    assert provider.requests[0].sent_chunks == 2


def test_stream_faults_leave_a_plain_answer_alone(provider: Provider, gpt: openai.OpenAI) -> None:
    """A fault of streams on a request that is no stream does nothing."""
    provider.script(["drop:0"])
    assert gpt.chat.completions.create(**chat_body()).choices[0].finish_reason == "stop"


def test_pieces_join_to_the_text() -> None:
    """Nothing is lost between two deltas, whatever the white space."""
    for text in ("", "one", " a\n\tb  ", "x" * 50, SENTENCE):
        assert "".join(pieces(text)) == text


def test_every_stream_fault_changes_the_chunks() -> None:
    """No stream fault is a name without an effect on the events."""
    events = [Event(b"data: 1\n\n", part) for part in (Part.OPEN, Part.DELTA, Part.FINISH, Part.DONE)]
    plain = spoiled(events, (), error=b"E", ping=b"P")
    for name in ("drop", "drop_reset", "end_early", "stall", "no_marker", "no_done", "stream_error"):
        assert spoiled(events, parse(name), error=b"E", ping=b"P") != plain
    for name in ("ping_storm", "split_utf8", "split_bytes"):
        chunks = spoiled(events, parse(name), error=b"E", ping=b"P")
        assert len(chunks) > len(plain)
