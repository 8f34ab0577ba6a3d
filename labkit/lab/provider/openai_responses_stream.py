"""A response as a stream of named, numbered events.

Every event carries a `sequence_number`, and the last one the whole response: a client that keeps
only deltas never notices that the status was "incomplete".

    events(draft, envelope, body)   # created, in_progress, item and part events, completed
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labkit.lab.provider.draft import Draft
from labkit.lab.provider.envelope import Envelope
from labkit.lab.provider.events import Event, Part, pieces, sse
from labkit.lab.provider.openai_responses import items, respond, skeleton
from labkit.lab.provider.problems import Problem

PING = b": keep-alive\n\n"
Body = dict[str, Any]


def events(draft: Draft, envelope: Envelope, body: Mapping[str, Any]) -> list[Event]:
    """Every event of the stream, in order."""
    output = items(draft, envelope)
    final = respond(draft, envelope, body, output)
    started = skeleton(envelope, body, "in_progress")
    stream: list[tuple[Part, Body]] = [
        (Part.OPEN, {"type": "response.created", "response": started}),
        (Part.OPEN, {"type": "response.in_progress", "response": started}),
    ]
    for index, item in enumerate(output):
        stream += _item(index, item)
    stream.append((Part.DONE, {"type": f"response.{final['status']}", "response": final}))
    return [
        Event(sse({**data, "sequence_number": number}, data["type"]), part)
        for number, (part, data) in enumerate(stream)
    ]


def _item(index: int, item: Body) -> Iterator[tuple[Part, Body]]:
    at = {"output_index": index, "item_id": item["id"]}
    empty: Body = {"content": []} if item["type"] == "message" else {"arguments": ""}
    opened = {**item, **empty, "status": "in_progress"}
    yield Part.OPEN, {"type": "response.output_item.added", "output_index": index, "item": opened}
    if item["type"] == "function_call":
        for piece in pieces(item["arguments"]):
            yield Part.DELTA, {"type": "response.function_call_arguments.delta", **at, "delta": piece}
        whole = {"name": item["name"], "arguments": item["arguments"]}
        yield Part.DELTA, {"type": "response.function_call_arguments.done", **at, **whole}
    for number, part in enumerate(item.get("content", [])):
        yield from _part({**at, "content_index": number}, part)
    yield Part.FINISH, {"type": "response.output_item.done", "output_index": index, "item": item}


def _part(at: Body, part: Body) -> Iterator[tuple[Part, Body]]:
    """One content part: opened empty, filled by deltas, told whole, closed."""
    kind = "refusal" if part["type"] == "refusal" else "text"
    name = "response.refusal" if kind == "refusal" else "response.output_text"
    extra: Body = {} if kind == "refusal" else {"logprobs": []}
    yield Part.OPEN, {"type": "response.content_part.added", **at, "part": {**part, kind: ""}}
    for piece in pieces(part[kind]):
        yield Part.DELTA, {"type": f"{name}.delta", **at, "delta": piece, **extra}
    yield Part.FINISH, {"type": f"{name}.done", **at, kind: part[kind], **extra}
    yield Part.FINISH, {"type": "response.content_part.done", **at, "part": part}


def error(problem: Problem, number: int) -> bytes:
    """An error in mid-stream: an event of that name, with the code beside the message."""
    told = {"code": problem.code, "message": problem.message, "param": problem.param}
    return sse({"type": "error", **told, "sequence_number": number}, "error")
