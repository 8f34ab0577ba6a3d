"""What every adapter shares: a request without a key, a response without a socket, a reply in our words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from labkit.contracts import Evidence, Task
from labkit.failures import Kind
from labkit.strictjson import depth
from labkit.usage import BadUsage, MissingUsage, Usage


@dataclass(frozen=True)
class Request:
    """One HTTP request to a provider: the path below the base URL, and the JSON body.

    It holds no credential: the transport adds that, so a request can be shown, compared and recorded.
    """

    path: str
    body: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"

    @cached_property
    def content(self) -> bytes:
        """The body as bytes, made once for all attempts: the same request goes out again, byte for byte."""
        return json.dumps(self.body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Response:
    """One whole HTTP response. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """An exchange that brought no whole response. `reason` is the phase or what broke, a code of ours."""

    kind: Kind
    reason: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A provider's successful reply, in our words. `finish` is the provider's own word for why it stopped.

    Exactly one of these holds: `refused`, `incomplete`, or there is `text` to validate.
    """

    text: str = field(repr=False)
    finish: str | None = None
    refused: bool = False
    incomplete: bool = False
    usage: Usage | None = None
    model: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Malformed:
    """A status of 200 whose body is not a reply. `reason` is a code of ours.

    `codes` are the provider's own words, where it said with status 200 that it failed.
    """

    reason: str
    codes: tuple[str, ...] = ()


class Adapter(Protocol):
    """Translates between the contract and one provider's wire format. Every method is pure."""

    name: str

    def auth_headers(self, key: str) -> dict[str, str]:
        """The headers that carry the credential. Only the transport calls this."""

    def request(self, task: Task, evidence: Evidence, model: str) -> Request:
        """Translate a task into a request."""

    def reply(self, response: Response) -> Reply | Malformed:
        """Translate a 2xx response."""

    def error_codes(self, response: Response) -> tuple[str, ...]:
        """The machine-readable words of an error response, most specific first. Never its message."""


MAX_DEPTH = 100  # of an envelope; the answer within it has a limit of its own


def read_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a body, or None: a gateway's HTML page, a cut body and a bare list are no reply."""
    try:
        text = body.decode()
        if text.count("[") + text.count("{") > MAX_DEPTH and depth(text) > MAX_DEPTH:
            return None
        value = json.loads(text, object_pairs_hook=_object)
    except ValueError:  # bad JSON, bad UTF-8, huge integers
        return None
    return value if isinstance(value, dict) else None


class _Repeated(dict[str, Any]):
    """An object with a key twice, which a plain dict would hide from the gates by keeping the last."""

    pairs: list[tuple[str, Any]]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeated = _Repeated(found)
    repeated.pairs = pairs
    return repeated


def as_text(value: object) -> str:
    """Decoded JSON as text again, with its repeated keys: what the model wrote meets the gates as it was."""
    if isinstance(value, _Repeated):
        return "{" + ", ".join(f"{json.dumps(key)}: {as_text(inner)}" for key, inner in value.pairs) + "}"
    return json.dumps(value, ensure_ascii=False)


def at(value: object, *path: str | int) -> Any:
    """What stands at a path into decoded JSON, or None where the shape differs: no reply can raise here."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def words(*values: object) -> tuple[str, ...]:
    """Only the strings among some values."""
    return tuple(value for value in values if isinstance(value, str))


def word(value: object) -> str | None:
    """A string, or None."""
    return value if isinstance(value, str) else None


def read_usage(read: Any, value: object) -> Usage | None:
    """What the provider reported, or None where it reported nothing that adds up: unknown, never 0."""
    try:
        return read(value) if isinstance(value, dict) else None
    except (BadUsage, MissingUsage):
        return None
