"""What a stream has said so far: events in, one `Reply` out, the same as if the answer had come whole.

A client that appends deltas and stops when the connection does calls half an answer an answer.
Here a stream is whole only when the provider has said why it stopped *and* sent its end marker, and a tool's
arguments stay a buffer until then: half of `{"amount": 100` is valid JSON for another amount.

    stream = adapter.accumulator()
    for event in events:
        delta = stream.take(event)      # text for a draft, "" for all else
    stream.whole                        # may it be read as a reply?
    stream.reply()

Pure: no socket, no clock. Each provider's own file holds its accumulator.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Protocol

from labkit.contracts import Evidence, Task
from labkit.providers.base import Adapter, Reply, Request
from labkit.sse import Event

MOST_CHARACTERS = 1_000_000


class BadEvent(Exception):
    """An event that is not this provider's. `reason` is a code of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call that the model proposes, complete. The app authorises and runs it, or does not."""

    name: str
    arguments: str = field(repr=False)


class Accumulator(ABC):
    """The state of one stream.

    `done`: nothing more is to be read. `error_codes`: the machine-readable words of an error event, or None.
    """

    def __init__(self) -> None:
        self.done = False
        self.error_codes: tuple[str, ...] | None = None
        self.finish: str | None = None
        self.model: str | None = None
        self.id: str | None = None
        self._size = 0

    @abstractmethod
    def take(self, event: Event) -> str:
        """Take one event and give the text that it adds to the draft. Raises `BadEvent`."""

    @property
    @abstractmethod
    def whole(self) -> bool:
        """Whether the provider said why it stopped and sent its end marker."""

    @property
    @abstractmethod
    def buffered_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls so far, their arguments perhaps half there: for a debugger, never to run."""

    @abstractmethod
    def reply(self) -> Reply:
        """Everything so far as a reply. Only one that is `whole` may go to the gates."""

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The proposed tool calls, once the stream is whole; before that there are none."""
        return self.buffered_calls if self.whole else ()

    def _keep(self, buffer: list[str], text: object) -> str:
        """Add a piece of text to a buffer, within bounds."""
        if text is None:
            return ""
        if not isinstance(text, str):
            raise BadEvent("event_shape")
        self._size += len(text)
        if self._size > MOST_CHARACTERS:
            raise BadEvent("stream_too_long")
        buffer.append(text)
        return text


class StreamingAdapter(Adapter, Protocol):
    """An adapter that can ask for a stream, and read one."""

    def stream_request(self, task: Task, evidence: Evidence, model: str) -> Request:
        """Translate a task into a request for a stream."""

    def accumulator(self) -> Accumulator:
        """A fresh accumulator for one attempt."""


STREAM_HEADERS = {
    "accept": "text/event-stream",
    "accept-encoding": "identity",
}  # compressed chunks wait for others


def read_event(event: Event) -> dict[str, Any]:
    """The JSON object in an event's data."""
    try:
        value = json.loads(event.data)
    except (ValueError, RecursionError):
        raise BadEvent("event_not_json") from None
    if not isinstance(value, dict):
        raise BadEvent("event_shape")
    return value


def part(value: dict[str, Any], name: str) -> dict[str, Any]:
    """An object within an event, {} where it is absent or null."""
    found = value.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadEvent("event_shape")
    return found


def parts(value: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """An array of objects within an event, [] where it is absent or null."""
    found = value.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise BadEvent("event_shape")
    return found


class Pieces:
    """A tool call that is still being written."""

    __slots__ = ("arguments", "name")

    def __init__(self) -> None:
        self.name = ""
        self.arguments: list[str] = []

    def call(self) -> ToolCall:
        """What there is so far."""
        return ToolCall(self.name, "".join(self.arguments))
