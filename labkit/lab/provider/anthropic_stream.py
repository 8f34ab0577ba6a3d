"""A message as a stream of named events.

Here a block is opened, filled and closed, and the reason why the model stopped comes in a
`message_delta` before `message_stop`. Input tokens are told at the start, output tokens at the end.

    events(draft, envelope)   # message_start, content_block_…, message_delta, message_stop
"""

from __future__ import annotations

from typing import Any

from labkit.lab.provider.anthropic_messages import stop, usage
from labkit.lab.provider.draft import Draft
from labkit.lab.provider.envelope import Envelope
from labkit.lab.provider.events import Event, Part, pieces, sse
from labkit.lab.provider.problems import Problem, anthropic_error


def named(body: dict[str, Any]) -> bytes:
    """An event whose name is its body's type."""
    return sse(body, body["type"])


PING = named({"type": "ping"})


def events(draft: Draft, envelope: Envelope) -> list[Event]:
    """Every event of the stream, in order."""
    stream = [Event(named({"type": "message_start", "message": _opening(envelope)}), Part.OPEN)]
    blocks = 0
    if draft.text:
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(draft.text)]
        stream += _block(blocks, {"type": "text", "text": ""}, deltas)
        blocks += 1
    if draft.call is not None:
        tool = {"type": "tool_use", "id": envelope.part_id("toolu_"), "name": draft.call.name, "input": {}}
        written = ["", *pieces(draft.call.arguments)]
        stream += _block(
            blocks, tool, [{"type": "input_json_delta", "partial_json": part} for part in written]
        )
    told = _final(envelope) if draft.tells_usage else None
    delta = {"type": "message_delta", "delta": stop(draft), "usage": told}
    return [*stream, Event(named(delta), Part.FINISH), Event(named({"type": "message_stop"}), Part.DONE)]


def _opening(envelope: Envelope) -> dict[str, Any]:
    return {
        "id": envelope.id,
        "type": "message",
        "role": "assistant",
        "model": envelope.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage(envelope, output_tokens=1),
    }


def _block(index: int, block: dict[str, Any], deltas: list[dict[str, Any]]) -> list[Event]:
    start = {"type": "content_block_start", "index": index, "content_block": block}
    opened = [Event(named(start), Part.OPEN)]
    if index == 0:
        opened.append(Event(PING, Part.OPEN))
    filled = [
        Event(named({"type": "content_block_delta", "index": index, "delta": delta}), Part.DELTA)
        for delta in deltas
    ]
    return [*opened, *filled, Event(named({"type": "content_block_stop", "index": index}), Part.DELTA)]


def _final(envelope: Envelope) -> dict[str, Any]:
    told = usage(envelope)
    return {name: value for name, value in told.items() if name not in ("cache_creation", "service_tier")}


def error(problem: Problem, request_id: str) -> bytes:
    """An error in mid-stream: an event of that name."""
    return named(anthropic_error(problem, request_id))
