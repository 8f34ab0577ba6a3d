"""A response before it is sent: status, headers, and the body in chunks.

Wire faults need to know where the body may be cut, so a stream stays a list of events until the
last moment.

    Reply(200, [body])
    Reply(200, events, stream=True)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labkit.lab.provider.faults import Fault, Plan, Where, first
from labkit.lab.provider.problems import Problem

JSON_TYPE = "application/json"
HTML = b"<html><head><title>Sign in</title></head><body><h1>Welcome to the guest network</h1></body></html>"


@dataclass(slots=True)
class Reply:
    """What will be sent. A stream has one chunk per event and no Content-Length."""

    status: int
    chunks: list[bytes]
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = JSON_TYPE
    stream: bool = False


def json_reply(body: object, status: int = 200) -> Reply:
    """A JSON response in one chunk."""
    return Reply(status, [json.dumps(body, ensure_ascii=False).encode()])


def problem_reply(problem: Problem, body: Mapping[str, Any]) -> Reply:
    """An error response; `body` is the problem in the shape of the API that was called."""
    if problem.html:
        page = f"<html><body><h1>{problem.status} {problem.message}</h1></body></html>".encode()
        return Reply(problem.status, [page], dict(problem.headers), "text/html; charset=utf-8")
    reply = json_reply(body, problem.status)
    reply.headers.update(problem.headers)
    return reply


def stream_reply(chunks: list[bytes]) -> Reply:
    """A response whose chunks are server-sent events."""
    return Reply(200, chunks, {"cache-control": "no-cache"}, "text/event-stream; charset=utf-8", stream=True)


def spoil_body(reply: Reply, plan: Plan) -> Reply:
    """Apply the plan's body fault, if it has one: status 200 and not the API's bytes."""
    fault: Fault | None = first(plan, Where.BODY)
    if fault is None:
        return reply
    if fault.name == "html_200":
        return Reply(200, [HTML], reply.headers, "text/html; charset=utf-8")
    whole = b"".join(reply.chunks)
    bodies = {"empty_body": b"", "empty_object": b"{}", "not_an_object": b"[1, 2, 3]"}
    return Reply(200, [bodies.get(fault.name, whole[: len(whole) * 2 // 3])], reply.headers)
