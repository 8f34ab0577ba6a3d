"""A chat completion as a stream of chunks.

The end of such a stream has two marks, a finish reason and `[DONE]`, and a client that waits for
neither calls half an answer an answer.

    events(draft, envelope, include_usage=True)   # role, deltas, finish, usage, [DONE]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labkit.lab.provider.draft import Draft
from labkit.lab.provider.envelope import Envelope
from labkit.lab.provider.events import Event, Part, pieces, sse
from labkit.lab.provider.openai_chat import FINISHES, usage
from labkit.lab.provider.problems import Problem, openai_error

PING = b": keep-alive\n\n"


def events(draft: Draft, envelope: Envelope, *, include_usage: bool) -> list[Event]:
    """Every event of the stream, in order."""

    def chunk(choices: list[dict[str, Any]], told: dict[str, Any] | None = None) -> bytes:
        body: dict[str, Any] = {
            "id": envelope.id,
            "object": "chat.completion.chunk",
            "created": envelope.created,
            "model": envelope.model,
            "system_fingerprint": "fp_practice",
            "choices": choices,
        }
        # With usage asked for, every chunk has the field, and only the last one a value.
        return sse(body | {"usage": told} if include_usage else body)

    def choice(delta: dict[str, Any], finish: str | None = None) -> list[dict[str, Any]]:
        return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]

    opening = {"role": "assistant", "content": None if draft.call else "", "refusal": None}
    stream = [Event(chunk(choice(opening)), Part.OPEN)]
    stream += [Event(chunk(choice(delta)), Part.DELTA) for delta in _deltas(draft, envelope)]
    stream.append(Event(chunk(choice({}, FINISHES[draft.finish])), Part.FINISH))
    if include_usage and draft.tells_usage:
        stream.append(Event(chunk([], usage(envelope)), Part.FINISH))
    return [*stream, Event(sse("[DONE]"), Part.DONE)]


def _deltas(draft: Draft, envelope: Envelope) -> Iterator[dict[str, Any]]:
    for piece in pieces(draft.text):
        yield {"content": piece}
    for piece in pieces(draft.refusal or ""):
        yield {"refusal": piece}
    if draft.call is not None:
        head = {"name": draft.call.name, "arguments": ""}
        yield _call(envelope.part_id("call_"), head)
        for piece in pieces(draft.call.arguments):
            yield _call(None, {"arguments": piece})


def _call(call_id: str | None, function: dict[str, str]) -> dict[str, Any]:
    """A piece of a tool call. Only the first one has the id and the type."""
    named = {"id": call_id, "type": "function"} if call_id else {}
    return {"tool_calls": [{"index": 0, **named, "function": function}]}


def error(problem: Problem) -> bytes:
    """An error in mid-stream: plain data, with the error object inside."""
    return sse(openai_error(problem))
