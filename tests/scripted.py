"""A transport that plays a script, on a clock that only moves when someone waits."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from labkit.boundary import AsyncBoundary, Boundary
from labkit.deadline import Phases
from labkit.failures import Kind
from labkit.flow import Policy
from labkit.prompts import Models
from labkit.providers import Adapter, Fault, OpenAIChat, Request, Response
from labkit.records import CallRecord

GOOD = '{"decision":"eligible","rotation_window_days":30,"source_line_ids":["P-7"]}'


def completion(text: str = GOOD, finish: str = "stop", **message: Any) -> Response:
    """A chat completion with 250 tokens in and 80 out."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "practice-1",
        "choices": [{"index": 0, "finish_reason": finish, "message": {"content": text, **message}}],
        "usage": {"prompt_tokens": 250, "completion_tokens": 80, "total_tokens": 330},
    }
    return Response(200, {"x-request-id": "req_1"}, json.dumps(body).encode())


def error(status: int, code: str | None = None, **headers: str) -> Response:
    """An error in OpenAI's shape."""
    body = json.dumps({"error": {"message": "not for us", "type": None, "param": None, "code": code}})
    return Response(status, {k.replace("_", "-"): v for k, v in headers.items()}, body.encode())


@dataclass
class World:
    """A clock, a sleep and a transport that share one time line. Each send takes `latency` seconds."""

    script: list[Any]
    latency: float = 0.0
    now: float = 100.0
    sent: list[tuple[Request, float]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    records: list[CallRecord] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def exchange(self, request: Request, seconds: float, phases: Phases) -> Response | Fault:
        self.sent.append((request, seconds))
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, BaseException):
            raise step
        if self.latency >= seconds:
            self.now += seconds
            return Fault(Kind.TIMEOUT, "deadline")
        self.now += self.latency
        return step

    def close(self) -> None:
        pass

    def boundary(
        self,
        adapter: Adapter | None = None,
        random: Callable[[], float] = lambda: 0.5,
        model: str = "practice-1",
        **policy: Any,
    ) -> Boundary:
        return Boundary(
            adapter or OpenAIChat(),
            self,
            Policy(Models(model), **policy),
            sinks=[self.records.append],
            clock=self.clock,
            wall=lambda: 1_795_000_000.0,
            random=random,
            sleep=self.sleep,
        )

    def async_boundary(self, random: Callable[[], float] = lambda: 0.5, **policy: Any) -> AsyncBoundary:
        return AsyncBoundary(
            OpenAIChat(),
            _Awaitable(self),
            Policy(Models("practice-1"), **policy),
            sinks=[self.records.append],
            clock=self.clock,
            wall=lambda: 1_795_000_000.0,
            random=random,
            sleep=self._sleep_async,
        )

    async def _sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


class _Awaitable:
    def __init__(self, world: World) -> None:
        self._world = world

    async def exchange(self, request: Request, seconds: float, phases: Phases) -> Response | Fault:
        return self._world.exchange(request, seconds, phases)

    async def aclose(self) -> None:
        pass
