"""Streams of the three APIs as bytes, one list item an event, written from the providers' references."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

SENTENCE = ("Account ", "acct_10234 ", "is eligible ", "under P-7.")
FORM = ('{"decision":"eli', 'gible","rotation_window_days":3', '0,"source_line_ids":["P-7"]}')
MODEL = "practice-1"


def sse(data: object, name: str | None = None) -> bytes:
    """One event."""
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    """A chat completion chunk."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return sse({**head, "choices": [choice], "usage": None, **more})


def chat(pieces: Sequence[str] = SENTENCE, finish: str = "stop") -> list[bytes]:
    """A whole stream of Chat Completions."""
    counts = {"prompt_tokens": 250, "completion_tokens": 80, "total_tokens": 330}
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": piece}) for piece in pieces),
        chunk({}, finish),
        sse({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL,
             "choices": [], "usage": counts}),
        sse("[DONE]"),
    ]  # fmt: skip


def chat_call(name: str, pieces: Sequence[str]) -> list[bytes]:
    """A chat stream that proposes one tool call."""
    start = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": ""}}
    return [
        chunk({"role": "assistant", "content": None, "tool_calls": [start]}),
        *(chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}) for piece in pieces),
        chunk({}, "tool_calls"),
        sse("[DONE]"),
    ]


def named(data: dict[str, Any]) -> bytes:
    """An event that carries its own name, as Messages and Responses send it."""
    return sse(data, data["type"])


def messages(pieces: Sequence[str] = SENTENCE, stop: str = "end_turn", *, form: bool = False) -> list[bytes]:
    """A whole stream of Messages: text, or a form that is filled in."""
    block: dict[str, Any] = {"type": "text", "text": ""}
    kind, field = "text_delta", "text"
    if form:
        block = {"type": "tool_use", "id": "toolu_1", "name": "rotation_decision", "input": {}}
        kind, field = "input_json_delta", "partial_json"
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": [],
               "stop_reason": None, "usage": {"input_tokens": 250, "output_tokens": 1}}  # fmt: skip
    return [
        named({"type": "message_start", "message": message}),
        named({"type": "content_block_start", "index": 0, "content_block": block}),
        named({"type": "ping"}),
        *(
            named({"type": "content_block_delta", "index": 0, "delta": {"type": kind, field: piece}})
            for piece in pieces
        ),
        named({"type": "content_block_stop", "index": 0}),
        named({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 80}}),
        named({"type": "message_stop"}),
    ]


def responses(pieces: Sequence[str] = SENTENCE, status: str = "completed") -> list[bytes]:
    """A whole stream of Responses."""
    text = "".join(pieces)
    usage = {"input_tokens": 250, "output_tokens": 80, "total_tokens": 330}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
    output = [{**item, "content": [{"type": "output_text", "text": text, "annotations": []}]}]
    head = {"id": "resp_1", "object": "response", "model": MODEL}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    because = {"incomplete_details": {"reason": "max_output_tokens"}} if status == "incomplete" else {}
    ended = {**head, "status": status, "output": output, "usage": usage, **because}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**head, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        *({"type": "response.output_text.delta", **place, "delta": piece} for piece in pieces),
        {"type": "response.output_text.done", **place, "text": text},
        {"type": f"response.{status}", "response": ended},
    ]
    return [named({**event, "sequence_number": number}) for number, event in enumerate(events)]
