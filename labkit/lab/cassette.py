"""A recorded call, as a file: what came back for which request, and nothing that must not be kept.

A file format for traffic must keep what a replay needs (each chunk, its split point, its time, the fault)
and must not keep what a repository must not hold: keys, header values, a customer's words. So a request is
kept as a print of itself, a digest for each leaf of its body: enough to know it again and say what differs.

    cassette = Cassette.load(path)
    cassette.exchanges[0].request.differences(Print.of(request, cassette.salt))    # ["messages[1].content"]

JSON Lines: a header, then one line for each exchange. A last line that is torn is left out, and counted.
labkit/lab/tape.py records and plays it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.failures import Kind, LabkitError
from labkit.providers.base import Fault, Request

FORMAT, VERSION = "labkit-cassette", 1
SAFE_HEADERS = frozenset(
    {"content-type", "retry-after", "retry-after-ms", "x-should-retry", "x-request-id", "request-id"}
)


class CassetteError(LabkitError):
    """A file that is no cassette, or of another version. The message names the file and the fix."""


@dataclass(frozen=True, slots=True)
class Print:
    """A request without its content: method, path, and a keyed digest for each leaf of its JSON body."""

    method: str
    path: str
    leaves: Mapping[str, str]

    @classmethod
    def of(cls, request: Request, salt: str) -> Print:
        """The print of a request. Equal requests have equal prints under one salt."""
        return cls(
            request.method,
            request.path,
            {place: _keyed(leaf, salt) for place, leaf in leaves_of(request.body)},
        )

    def differences(self, other: Print) -> list[str]:
        """Where another print differs: `method`, `path`, places in the body like `messages[1].content`."""
        changed = [name for name in ("method", "path") if getattr(self, name) != getattr(other, name)]
        places = {**self.leaves, **other.leaves}
        return changed + [place for place in places if self.leaves.get(place) != other.leaves.get(place)]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came back for one request. `chunks` are (milliseconds since the request, bytes)."""

    request: Print
    head_ms: float
    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: tuple[tuple[float, bytes], ...] = ()
    fault: Fault | None = None
    fault_ms: float = 0.0
    streamed: bool = False

    def as_line(self) -> str:
        """One line of the file."""
        return json.dumps(
            {
                "request": [self.request.method, self.request.path, dict(self.request.leaves)],
                "head_ms": self.head_ms,
                "status": self.status,
                "headers": dict(self.headers),
                "chunks": [[at, _shown(part)] for at, part in self.chunks],
                "fault": [str(self.fault.kind), self.fault.reason] if self.fault else None,
                "fault_ms": self.fault_ms,
                "streamed": self.streamed,
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_line(cls, line: str) -> Exchange:
        """Read one line. Raises ValueError, TypeError or KeyError if it is not one."""
        found = json.loads(line)
        method, path, leaves = found["request"]
        fault = found["fault"]
        return cls(
            Print(method, path, dict(leaves)),
            float(found["head_ms"]),
            found["status"],
            dict(found["headers"]),
            tuple((float(at), _bytes(part)) for at, part in found["chunks"]),
            Fault(Kind(fault[0]), str(fault[1])) if fault else None,
            float(found["fault_ms"]),
            bool(found["streamed"]),
        )


@dataclass(frozen=True, slots=True)
class Cassette:
    """A recorded call. `torn` counts lines at the end that could not be read."""

    exchanges: tuple[Exchange, ...]
    salt: str
    synthetic: bool = False
    story: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    torn: int = 0

    @classmethod
    def load(cls, path: Path) -> Cassette:
        """Read a cassette. Raises `CassetteError` for a file that is none."""
        try:
            lines = path.read_text("utf-8").splitlines()
            header = json.loads(lines[0])
            named = header["format"] == FORMAT
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            named = False
        if not named:
            raise CassetteError(
                f"{path} is no cassette: its first line must name the format {FORMAT}"
            ) from None
        if header.get("version") != VERSION:
            raise CassetteError(
                f"{path} has version {header.get('version')!r}; this labkit reads {VERSION}: record it again"
            )
        exchanges, torn = [], 0
        for line in lines[1:]:
            try:
                exchanges.append(Exchange.from_line(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                torn += 1
        known = {"format", "version", "salt", "synthetic", "story"}
        about = {name: value for name, value in header.items() if name not in known}
        return cls(
            tuple(exchanges),
            str(header["salt"]),
            bool(header["synthetic"]),
            str(header["story"]),
            about,
            torn,
        )


def leaves_of(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of a JSON value with its place: `messages[0].role`."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from leaves_of(inner, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list | tuple) and value:
        for at, inner in enumerate(value):
            yield from leaves_of(inner, f"{place}[{at}]")
    else:
        yield place, value


def _keyed(leaf: Any, salt: str) -> str:
    text = json.dumps(leaf, sort_keys=True, default=str)
    return hmac.new(salt.encode(), text.encode(), hashlib.sha256).hexdigest()[:16]


def _shown(part: bytes) -> str | dict[str, str]:
    """Text where the bytes are text; half a UTF-8 character is kept in base64."""
    try:
        return part.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(part).decode()}


def _bytes(part: str | dict[str, str]) -> bytes:
    return part.encode() if isinstance(part, str) else base64.b64decode(part["base64"], validate=True)
