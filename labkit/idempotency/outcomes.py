"""What an action can end in, and the key it is known by.

A key made from text that a model wrote differs between two retries, so both act.
A key made from too little is shared by two customers, so one of them gets the other's answer.
So keys are built from ids only, and a key with another payload is refused:

    action_key("create_rotation_job", "acct_10234", "P-7")   # create_rotation_job:acct_10234:P-7:v1
    fingerprint({"account_id": "acct_10234"})                # what a repeat must bring again
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from labkit.failures import LabkitError
from labkit.idempotency.rules import Ask, Row, State


class Acted(NamedTuple):
    """What the action gave, as JSON, and whether this very call is the one that acted."""

    result: Any
    first: bool


class OnFailure(StrEnum):
    """What a repeat meets after an effect that was certainly not applied."""

    FORGET = "forget"
    """The key is free: the next call acts."""
    STORE = "store"
    """The failure is the answer: every repeat gets it, until the row expires."""


class NotApplied(Exception):
    """Raised by an effect that certainly did nothing and no longer can, such as a refused request."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ActionError(LabkitError):
    """The action gave no result. `http_status`: what a server should answer its own caller.

    400, 409 and 422 are those of the IETF draft on the Idempotency-Key header.
    """

    http_status = 500


class KeyInvalid(ActionError):
    """No key, or one that is not made from identities."""

    http_status = 400


class PayloadMismatch(ActionError):
    """The key was used before, with another payload or promise."""

    http_status = 422


class ActionInProgress(ActionError):
    """Another worker holds the claim. `retry_after_s` is what is left of its lease."""

    http_status = 409

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NeedsReconcile(ActionError):
    """Nobody knows whether the effect was applied, so nobody may act until someone has looked."""

    http_status = 409


class ClaimLost(ActionError):
    """The worker outlived its lease, another took over, and that one's result is not known yet."""

    http_status = 409


class ActionFailed(ActionError):
    """The effect was certainly not applied. `stored`: this is the recorded answer of an earlier call."""

    http_status = 502

    def __init__(self, key: str, reason: str, *, stored: bool) -> None:
        super().__init__(f"{key!r} was not applied: {reason}")
        self.reason = reason
        self.stored = stored


def action_key(action: str, *identity: str, version: int = 1) -> str:
    """Build a key from business identity. Text that a person or a model wrote has no place in it.

    >>> action_key("create_rotation_job", "acct_10234", "P-7")
    'create_rotation_job:acct_10234:P-7:v1'

    A new `version` is a new action on purpose. Without any identity the key would be one for all customers.
    """
    for part in (action, *identity):
        if not _PART.fullmatch(part):
            raise KeyInvalid(
                f"a key part of {len(part)} characters is no identity; wanted 1 to 64 letters, digits, "
                "'_', '.' or '-'. Use the ids of your own records, never free text"
            )
    if not identity or version < 1:
        raise KeyInvalid(
            f"{len(identity)} identities, version {version}; wanted at least one identity, version >= 1"
        )
    return ":".join((action, *identity, f"v{version}"))


def checked(key: str) -> str:
    """Return a key that is fit to be stored and sent as a header, or refuse it."""
    if not _KEY.fullmatch(key):
        raise KeyInvalid(
            f"a key of {len(key)} characters; wanted 1 to 255 visible ASCII ones, as action_key builds"
        )
    return key


def fingerprint(payload: Mapping[str, Any]) -> str:
    """Digest a payload, whatever the order of its keys. It recognises a changed payload; it hides nothing."""
    return hashlib.sha256(to_json(payload, "the payload").encode()).hexdigest()


def to_json(value: Any, what: str) -> str:
    """Write a value as JSON text, or say which type is not JSON."""
    try:
        return _ENCODE(value)
    except (TypeError, ValueError) as error:
        raise LabkitError(
            f"{what} is not JSON ({type(value).__name__}); wanted dicts, lists, text, numbers"
        ) from error


def answer(row: Row, ask: Ask, now: float) -> Acted:
    """Turn a row that stands in the way into the caller's answer, or raise the reason why there is none."""
    if row.fingerprint != ask.fingerprint or row.promise != ask.promise:
        raise PayloadMismatch(
            f"{row.key!r} was used with another payload or promise (then {row.promise}, now {ask.promise}); "
            "wanted the same. If this is a new action, give its key a new version"
        )
    if row.state == State.DONE:
        return Acted(json.loads(row.result or "null"), first=False)
    if row.state == State.FAILED:
        raise ActionFailed(row.key, str(row.error), stored=True)
    if row.state == State.NEEDS_RECONCILE:
        raise NeedsReconcile(doubtful(row.key))
    left = max(0.0, row.lease_until - now)
    raise ActionInProgress(
        f"{row.key!r} is in progress (fence {row.fence}); call again in {left:.3f} s", left
    )


def doubtful(key: str) -> str:
    """Say what to do about an action that may or may not have been applied."""
    return f"nobody knows whether {key!r} was applied; look downstream first, with reconcile(once, lookup)"


_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode
_PART = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
