"""The order in which every request is received: count, authenticate, fail on command, answer.

If each endpoint did this for itself, one of them would forget to count, and the provider's count
is what tests trust.

    @desk.route("POST", "/v1/chat/completions", on="calls")
    async def chat(call: Incoming) -> Reply: ...
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from labkit.lab.provider.capacity import Capacity, Gate
from labkit.lab.provider.checks import read_json
from labkit.lab.provider.dialects import Dialect, dialect_of
from labkit.lab.provider.faults import Plan, Where, first
from labkit.lab.provider.problems import Problem, problem_for
from labkit.lab.provider.reply import Reply, spoil_body
from labkit.lab.provider.state import Seen, State
from labkit.lab.provider.wire import Delivery, Sleep

MOST_BYTES = 210_000_000


@dataclass(slots=True)
class Incoming:
    """One request with its body, on its way to an endpoint."""

    request: Request
    raw: bytes
    plan: Plan
    seen: Seen
    dialect: Dialect
    request_id: str

    def json(self) -> dict[str, Any]:
        """The body as an object, or a 400."""
        return read_json(self.raw)

    def part(self, name: str) -> str:
        """A variable part of the path."""
        return str(self.request.path_params[name])


Endpoint = Callable[[Incoming], Awaitable[Reply]]


class Desk:
    """Wraps endpoints, so that each is counted and may be made to fail."""

    def __init__(self, state: State, sleep: Sleep = asyncio.sleep, capacity: Capacity | None = None) -> None:
        self.state = state
        self.sleep = sleep
        self.gate = Gate(capacity or Capacity(), state, sleep)

    def route(self, method: str, path: str, endpoint: Endpoint, *, on: str = "calls") -> Route:
        """A route whose requests are counted and may fail. `on` names the script that they use up."""

        async def receive(request: Request) -> Response:
            seen = self.state.arrived(method, path, request.headers)
            plan = self.state.next_plan(on)
            seen.fault = " + ".join(str(fault) for fault in plan)
            try:
                raw = await request.body()
            except ClientDisconnect:
                seen.ended = "client_gone"
                return Response(status_code=400)
            seen.digest = self.state.digest(raw)
            dialect = dialect_of(path, request.headers)
            incoming = Incoming(request, raw, plan, seen, dialect, self.state.next_id(dialect.id_prefix))
            reply = await self._reply(endpoint, incoming, busy=on == "calls")
            reply.headers[dialect.id_header] = incoming.request_id
            # Delivery is an ASGI response in all but its base class.
            return Delivery(reply, plan, seen, self.sleep)  # type: ignore[return-value]

        return Route(path, receive, methods=[method])

    async def _reply(self, endpoint: Endpoint, incoming: Incoming, *, busy: bool) -> Reply:
        try:
            self._admit(incoming)
            if not busy:
                return spoil_body(await endpoint(incoming), incoming.plan)
            async with self.gate.entered():
                return spoil_body(await endpoint(incoming), incoming.plan)
        except Problem as problem:
            return incoming.dialect.error(problem, incoming.request_id)

    def _admit(self, incoming: Incoming) -> None:
        """Raise what the provider answers before it looks at the body."""
        incoming.dialect.authenticate(incoming.request.headers, self.state.key)
        if len(incoming.raw) > MOST_BYTES:
            raise Problem(413, "request_too_large", "The request body is too large.")
        if fault := first(incoming.plan, Where.STATUS):
            raise problem_for(fault, self.state.now())
