"""A stream as a list of events, each knowing what it is for, so that faults can take out the right ones.

A fault that cuts "after 200 bytes" tests luck. These cut after the third event, before the finish
reason, or in the middle of one character.

    events = [Event(sse(chunk), Part.DELTA), …, Event(sse("[DONE]"), Part.DONE)]
    chunks = spoiled(events, plan, error=…, ping=…)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from labkit.lab.provider.faults import Fault, Plan, names


class Part(StrEnum):
    """What an event is for."""

    OPEN = "open"  # before the first word
    DELTA = "delta"  # a piece of the answer
    FINISH = "finish"  # says why it stopped, or how much it cost
    DONE = "done"  # the end marker


@dataclass(frozen=True, slots=True)
class Event:
    """One event, as bytes on the wire."""

    data: bytes
    part: Part


def sse(data: object, event: str | None = None) -> bytes:
    """One server-sent event; a `str` is sent as it is, anything else as JSON."""
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {text}\n\n".encode()


def pieces(text: str) -> list[str]:
    """A text as a model streams it, in bits of at most eight letters: "so it" -> "so", " it"."""
    return re.findall(r"\s*\S{1,8}|\s+", text)


def spoiled(events: list[Event], plan: Plan, *, error: bytes, ping: bytes) -> list[bytes]:
    """The chunks to send. `error` and `ping` are those events in the API's own shape."""
    chunks = [event.data for event in _kept(events, names(plan))]
    for fault in plan:
        chunks = _changed(chunks, fault, error, ping)
    return chunks


def _kept(events: list[Event], asked: frozenset[str]) -> Iterator[Event]:
    """The events that are sent at all."""
    for event in events:
        lost = event.part is Part.DONE and asked & {"no_done", "no_marker"}
        if not lost and not (event.part is Part.FINISH and "no_marker" in asked):
            yield event


def _changed(chunks: list[bytes], fault: Fault, error: bytes, ping: bytes) -> list[bytes]:
    count = int(fault.number)
    match fault.name:
        case "drop" | "drop_reset" | "stall" | "end_early":
            return chunks[:count]
        case "stream_error":
            return [*chunks[:count], error]
        case "ping_storm":
            return [chunk for event in chunks for chunk in (event, *[ping] * count)]
        case "split_utf8":
            return [piece for event in chunks for piece in _inside_characters(b": \xe2\x9c\x93\n" + event)]
        case "split_bytes":
            whole, size = b"".join(chunks), max(1, count)
            return [whole[start : start + size] for start in range(0, len(whole), size)]
    return chunks


def _inside_characters(data: bytes) -> list[bytes]:
    """Split after the first byte of every character that has more than one."""
    cuts = [0, *(index + 1 for index, byte in enumerate(data) if byte >= 0xC0), len(data)]
    return [data[start:end] for start, end in pairwise(cuts) if start < end]
