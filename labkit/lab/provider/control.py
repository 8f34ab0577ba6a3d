"""The control endpoints under /_lab: set faults and read what arrived, from any process.

A learner's code may run in a sandbox, or in a shell with curl; neither shares memory with the server.

    POST /_lab/faults   {"script": ["429", "ok"]}  or  {"chances": {"503": 0.1}}
    GET  /_lab/requests
    POST /_lab/rotations {"honours_keys": false}
    POST /_lab/reset    and    POST /_lab/advance {"seconds": 3600}
"""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from labkit.lab.provider.faults import FAULTS, UnknownFault
from labkit.lab.provider.rotations import Rotations
from labkit.lab.provider.state import State


class Control:
    """The endpoints over one provider's state. They are not counted, and need no key."""

    def __init__(self, state: State, rotations: Rotations) -> None:
        self.state = state
        self.rotations = rotations

    def routes(self) -> list[Route]:
        """What the app mounts."""
        return [
            Route("/_lab/faults", self.list_faults, methods=["GET"]),
            Route("/_lab/faults", self.set_faults, methods=["POST"]),
            Route("/_lab/requests", self.list_requests, methods=["GET"]),
            Route("/_lab/reset", self.reset, methods=["POST"]),
            Route("/_lab/rotations", self.set_rotations, methods=["POST"]),
            Route("/_lab/advance", self.advance, methods=["POST"]),
        ]

    async def list_faults(self, _request: Request) -> Response:
        """Every fault there is, and how many script entries still wait."""
        rows = [
            {"name": name, "where": spec.where, "about": spec.about, "amount": spec.amount}
            for name, spec in FAULTS.items()
        ]
        return JSONResponse({"faults": rows, "waiting": self.state.waiting})

    async def set_faults(self, request: Request) -> Response:
        """Replace the script, the chances, or both."""
        try:
            body = _object(await request.body())
            if "script" in body:
                self.state.script(body["script"], on=str(body.get("on", "calls")))
            if "chances" in body:
                self.state.chances(body["chances"])
        except UnknownFault as exc:
            return JSONResponse({"error": str(exc)}, 400)
        except (ValueError, TypeError, AttributeError):
            wanted = '{"script": ["429", "ok"], "on": "calls"} or {"chances": {"503": 0.1}}'
            return JSONResponse({"error": f"cannot read these faults; wanted {wanted}"}, 400)
        return JSONResponse({"waiting": self.state.waiting})

    async def list_requests(self, _request: Request) -> Response:
        """What arrived, in order."""
        rows = [seen.as_dict() for seen in self.state.requests]
        return JSONResponse({"count": self.state.count, "requests": rows})

    async def reset(self, _request: Request) -> Response:
        """Forget everything."""
        self.state.reset()
        return JSONResponse({"count": self.state.count})

    async def set_rotations(self, request: Request) -> Response:
        """Make the rotation service honour idempotency keys, or not; and tell its count of effects."""
        try:
            honours = _object(await request.body() or b"{}").get("honours_keys", self.rotations.honours_keys)
        except (ValueError, TypeError):
            return JSONResponse({"error": 'wanted {"honours_keys": false}'}, 400)
        self.rotations.honours_keys = honours is True
        effects = [effect.as_dict() for effect in self.rotations.effects]
        return JSONResponse({"honours_keys": self.rotations.honours_keys, "effects": effects})

    async def advance(self, request: Request) -> Response:
        """Move the provider's clock forward."""
        try:
            seconds = float(_object(await request.body())["seconds"])
        except (ValueError, TypeError, KeyError):
            return JSONResponse({"error": 'wanted {"seconds": 3600}'}, 400)
        self.state.advance(seconds)
        return JSONResponse({"now": self.state.now()})


def _object(raw: bytes) -> dict[str, Any]:
    body = json.loads(raw)
    if not isinstance(body, dict):
        raise TypeError
    return body
