"""Seven designs that are broken on purpose. The crash test must catch each, or it proves nothing.

Each is a mistake found in the field, in the same place where the real thing does it right.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from labkit.idempotency import Acted, Claim, Ledger, Once, Promise, Row, State, fingerprint
from labkit.idempotency.once import Action
from labkit.idempotency.outcomes import answer, to_json
from labkit.idempotency.owners import new_owner

HONOURS, PLAIN = Promise.DOWNSTREAM_HONOURS_KEY, Promise.PLAIN_DOWNSTREAM


class CheckThenAct(Once):
    """Look; when nothing is there, act; then write. Two workers both find nothing."""

    def run(self, key: str, payload: Any, effect: Callable[[Claim], Any], **_: Any) -> Acted:
        ask = Action(key, payload, effect).ask(self.rules)
        row = self.ledger.row(key)
        if row is not None:
            return answer(row, ask, self.ledger.clock())
        result = effect(Claim(key, 1, "nobody", 0.0))
        if isinstance(claim := self.ledger.claim(ask), Claim):
            self.ledger.finish(claim, State.DONE, to_json(result, "result"))
        return Acted(result, first=True)


class DoneBeforeEffect(Once):
    """Record first, act after. A worker that dies in between leaves a record of nothing."""

    def run(self, key: str, payload: Any, effect: Callable[[Claim], Any], **_: Any) -> Acted:
        ask = Action(key, payload, effect).ask(self.rules)
        got = self.ledger.claim(ask)
        if isinstance(got, Row):
            return answer(got, ask, self.ledger.clock())
        self.ledger.finish(got, State.DONE, "null")
        return Acted(effect(got), first=True)


class FreshKey(Once):
    """Make a new key for each attempt, as some SDKs do."""

    def run(self, key: str, payload: Any, effect: Callable[[Claim], Any], **options: Any) -> Acted:
        return super().run(f"{key}:{secrets.token_hex(4)}", payload, effect, **options)


class NoFingerprint(Once):
    """Believe that the same key always means the same payload."""

    def run(self, key: str, payload: Any, effect: Callable[[Claim], Any], **options: Any) -> Acted:
        return super().run(key, {}, effect, **options)


class NoLease(Once):
    """Claim for ever: the dead keep what they claimed."""

    def __init__(self, ledger: Ledger, promise: Promise, **options: Any) -> None:
        super().__init__(ledger, promise, **{**options, "lease_s": 1e9})


class NoFence(Once):
    """Let whoever comes write, by key alone."""

    def __init__(self, ledger: Ledger, promise: Promise, **options: Any) -> None:
        super().__init__(ledger, promise, **options)
        write = ledger._write

        def unfenced(sql: str, values: Any) -> int:
            if "state = ?, result = ?" in sql:
                return write(
                    "UPDATE actions SET state = ?, result = ?, error = ? WHERE key = ?",
                    (*values[:3], values[6]),
                )
            return write(sql, values)

        ledger._write = unfenced  # type: ignore[method-assign]


class LeaseRerun(Once):
    """Take an ended lease for proof that nothing happened, and send again."""

    def run(self, key: str, payload: Any, effect: Callable[[Claim], Any], **options: Any) -> Acted:
        row, now = self.ledger.row(key), self.ledger.clock()
        if row and row.state in {State.IN_PROGRESS, State.NEEDS_RECONCILE} and now >= row.lease_until:
            ask = Action(key, payload, effect).ask(self.rules)
            if row.fingerprint == fingerprint(payload) and self.ledger._take(
                row, ask, owner := new_owner(), now
            ):
                claim = Claim(key, row.fence + 1, owner, now + self.rules.lease_s)
                result = effect(claim)
                return Acted(result, first=self.ledger.finish(claim, State.DONE, to_json(result, "result")))
        return super().run(key, payload, effect, **options)


CONTROLS: dict[str, tuple[type[Once], Promise]] = {
    "check_then_act": (CheckThenAct, PLAIN),
    "lease_rerun": (LeaseRerun, PLAIN),
    "no_fence": (NoFence, HONOURS),
    "done_before_effect": (DoneBeforeEffect, PLAIN),
    "no_lease": (NoLease, HONOURS),
    "no_fingerprint": (NoFingerprint, HONOURS),
    "fresh_key": (FreshKey, HONOURS),
}
