"""The practice provider as a Starlette app: every route in one list.

A path that is not in the list must fail as the real provider fails, with its JSON and not a framework's
page: clients that parse every body as JSON would otherwise meet HTML first in production.

    app = create_app(State(seed=7))
    httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://practice")
"""

from __future__ import annotations

import asyncio
import json

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from labkit.lab.provider.anthropic_batches import AnthropicBatches
from labkit.lab.provider.calls import Calls
from labkit.lab.provider.capacity import Capacity
from labkit.lab.provider.control import Control
from labkit.lab.provider.desk import Desk
from labkit.lab.provider.dialects import dialect_of
from labkit.lab.provider.files import Files
from labkit.lab.provider.openai_batches import OpenAIBatches
from labkit.lab.provider.problems import Problem
from labkit.lab.provider.rotations import Rotations
from labkit.lab.provider.state import State
from labkit.lab.provider.wire import Sleep


def create_app(
    state: State | None = None, *, sleep: Sleep = asyncio.sleep, capacity: Capacity | None = None
) -> Starlette:
    """The app over a state of its own or over one that a test holds."""
    state = state or State()
    desk = Desk(state, sleep, capacity)
    rotations = Rotations(state, sleep)
    calls = Calls(state)
    routes = [
        desk.route("POST", "/v1/chat/completions", calls.chat),
        desk.route("POST", "/v1/messages", calls.messages),
        desk.route("POST", "/v1/responses", calls.responses),
        desk.route("GET", "/v1/responses/{id}", calls.response, on="polls"),
        desk.route("DELETE", "/v1/responses/{id}", calls.delete_response, on="polls"),
        desk.route("POST", "/v1/responses/{id}/cancel", calls.cancel_response, on="polls"),
        desk.route("GET", "/v1/models", calls.models, on="models"),
        desk.route("GET", "/v1/models/{id}", calls.model, on="models"),
        *_batch_routes(desk, calls),
        desk.route("POST", "/rotations", rotations.create, on="rotations"),
        desk.route("GET", "/rotations", rotations.listing, on="lookups"),
        desk.route("GET", "/rotations/{id}", rotations.one, on="lookups"),
        *Control(state, rotations).routes(),
    ]
    app = Starlette(routes=routes, exception_handlers={404: _not_found, 405: _not_found})
    app.state.practice = state
    app.state.rotations = rotations
    return app


def _batch_routes(desk: Desk, calls: Calls) -> list[Route]:
    """Files and batches of both providers."""
    files = Files(desk.state)
    openai = OpenAIBatches(desk.state, files, calls.batched)
    anthropic = AnthropicBatches(desk.state, calls.batched_message)
    return [
        desk.route("POST", "/v1/files", files.upload, on="files"),
        desk.route("GET", "/v1/files", files.listing, on="polls"),
        desk.route("GET", "/v1/files/{id}", files.one, on="polls"),
        desk.route("DELETE", "/v1/files/{id}", files.delete, on="polls"),
        desk.route("GET", "/v1/files/{id}/content", files.content, on="polls"),
        desk.route("POST", "/v1/batches", openai.create, on="batches"),
        desk.route("GET", "/v1/batches", openai.listing, on="polls"),
        desk.route("GET", "/v1/batches/{id}", openai.one, on="polls"),
        desk.route("POST", "/v1/batches/{id}/cancel", openai.cancel, on="polls"),
        desk.route("POST", "/v1/messages/batches", anthropic.create, on="batches"),
        desk.route("GET", "/v1/messages/batches", anthropic.listing, on="polls"),
        desk.route("GET", "/v1/messages/batches/{id}", anthropic.one, on="polls"),
        desk.route("DELETE", "/v1/messages/batches/{id}", anthropic.delete, on="polls"),
        desk.route("POST", "/v1/messages/batches/{id}/cancel", anthropic.cancel, on="polls"),
        desk.route("GET", "/v1/messages/batches/{id}/results", anthropic.results, on="polls"),
    ]


async def _not_found(request: Request, exc: Exception) -> Response:
    status = getattr(exc, "status_code", 404)
    problem = Problem(status, "unknown_url", f"Unknown request URL: {request.method} on this path.")
    dialect = dialect_of(request.url.path, request.headers)
    body = json.loads(dialect.error(problem, "req_none").chunks[0])
    return JSONResponse(body, status)
