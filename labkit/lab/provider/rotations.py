"""The rotation service: an action with a real effect, and an honest count of it.

A timeout does not prove that nothing happened. Only the service that acts knows how often it acted,
so its own count is the truth that idempotency is tested against.

    POST /rotations   {"account_id": "acct_10234", "policy_line_id": "P-7"}   Idempotency-Key: …
    GET  /rotations?account_id=acct_10234
    provider.rotations.effects          # every effect that really took place
    provider.rotations.honours_keys = False

With keys honoured: none is a 400, one whose first request is still running a 409, one that came with
another payload a 422, and a repeat gets the stored answer (IETF draft "The Idempotency-Key HTTP Header").
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from typing import Any

from labkit.lab.provider.checks import OPENAI, Fields
from labkit.lab.provider.desk import Incoming
from labkit.lab.provider.faults import Plan
from labkit.lab.provider.problems import Problem
from labkit.lab.provider.reply import Reply, json_reply
from labkit.lab.provider.state import State
from labkit.lab.provider.wire import Sleep

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")


@dataclass(frozen=True, slots=True)
class Effect:
    """One rotation job that was created."""

    job_id: str
    account_id: str
    policy_line_id: str
    idempotency_key: str | None
    created_at: float

    def as_dict(self) -> dict[str, Any]:
        """The job, as the service answers."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {**fields, "created_at": int(self.created_at), "status": "created"}


@dataclass(slots=True)
class _Claim:
    """What is known about one key: the payload it came with, and the effect once there is one."""

    payload: str
    effect: Effect | None = None


@dataclass(frozen=True, slots=True)
class _Order:
    account_id: str
    policy_line_id: str
    key: str | None


class Rotations:
    """Creates rotation jobs. `honours_keys=False` makes it a plain service that acts on every request."""

    def __init__(self, state: State, sleep: Sleep) -> None:
        self.state = state
        self._sleep = sleep
        self._lock = threading.Lock()
        self.clear()
        state.on_reset(self.clear)

    def clear(self) -> None:
        """Forget every job and key, and honour keys again."""
        self.honours_keys = True
        self._effects: list[Effect] = []
        self._claims: dict[str, _Claim] = {}
        self._late: list[tuple[float, _Order]] = []

    @property
    def effects(self) -> list[Effect]:
        """Every effect up to now, the late ones that are due included."""
        with self._lock:
            now = self.state.now()
            due = [order for when, order in self._late if when <= now]
            self._late = [entry for entry in self._late if entry[0] > now]
            for order in due:
                self._apply(order)
            return list(self._effects)

    # ── endpoints ──

    async def create(self, incoming: Incoming) -> Reply:
        """POST /rotations."""
        order = _read(incoming)
        _ = self.effects
        if self.honours_keys:
            replay = self._claim(order, incoming)
            if replay is not None:
                reply = json_reply(replay.as_dict(), 201)
                reply.headers["idempotent-replayed"] = "true"
                return reply
        effect = await self._act(order, {fault.name: fault.number for fault in incoming.plan}, incoming.plan)
        return json_reply(effect.as_dict(), 201)

    async def listing(self, incoming: Incoming) -> Reply:
        """GET /rotations, optionally of one account or one key: the lookup that reconciling needs."""
        query = incoming.request.query_params
        jobs = [
            effect.as_dict()
            for effect in self.effects
            if query.get("account_id", effect.account_id) == effect.account_id
            and query.get("idempotency_key", effect.idempotency_key) == effect.idempotency_key
        ]
        return json_reply({"object": "list", "data": jobs, "count": len(jobs)})

    async def one(self, incoming: Incoming) -> Reply:
        """GET /rotations/{id}."""
        wanted = incoming.part("id")
        for effect in self.effects:
            if effect.job_id == wanted:
                return json_reply(effect.as_dict())
        raise Problem(404, "job_not_found", "No rotation job has this id.")

    # ── the effect ──

    def _claim(self, order: _Order, incoming: Incoming) -> Effect | None:
        """Take the key for this request, or the stored effect of its first one."""
        if order.key is None:
            raise Problem(400, "idempotency_key_missing", "Send an Idempotency-Key header with this request.")
        payload = self.state.digest(json.dumps(incoming.json(), sort_keys=True).encode())
        with self._lock:
            claim = self._claims.get(order.key)
            if claim is None:
                self._claims[order.key] = _Claim(payload)
                return None
        if claim.payload != payload:
            raise Problem(422, "idempotency_key_reused", "This key came before with another payload.")
        if claim.effect is None:
            raise Problem(409, "request_in_progress", "The first request with this key is still running.")
        return claim.effect

    async def _act(self, order: _Order, asked: dict[str, float], plan: Plan) -> Effect:
        if "lost_request" in asked:
            self._release(order)
            raise LostRequest(plan)
        if "apply_late" in asked:
            with self._lock:
                self._late.append((self.state.now() + asked["apply_late"], order))
            raise Problem(503, "service_unavailable", "The service is unavailable for a moment.")
        try:
            await self._sleep(asked.get("slow_effect", 0.0))
        except BaseException:
            self._release(order)
            raise
        with self._lock:
            if "twice" in asked:
                self._apply(order)
            return self._apply(order)

    def _release(self, order: _Order) -> None:
        """Nothing was done under this key, so it is free again."""
        with self._lock:
            self._claims.pop(order.key or "", None)

    def _apply(self, order: _Order) -> Effect:
        number = 1 + sum(effect.account_id == order.account_id for effect in self._effects)
        job_id = f"job_{order.account_id}_{number:03d}"
        effect = Effect(job_id, order.account_id, order.policy_line_id, order.key, self.state.now())
        self._effects.append(effect)
        if order.key is not None and order.key in self._claims:
            self._claims[order.key].effect = effect
        return effect


class LostRequest(Problem):
    """The request is lost before anything was done: the wire resets, so this body is never seen."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(503, "lost_request", f"lost: {plan[0]}")


def _read(incoming: Incoming) -> _Order:
    fields = Fields(incoming.json(), OPENAI)
    account = fields.text("account_id", required=True) or ""
    line = fields.text("policy_line_id", required=True) or ""
    fields.no_others("account_id", "policy_line_id")
    for name, value in (("account_id", account), ("policy_line_id", line)):
        if _ID.fullmatch(value) is None:
            raise fields.refuse(name, "an id of letters, digits and _ . : -")
    key = incoming.request.headers.get("idempotency-key")
    return _Order(account, line, key or None)
