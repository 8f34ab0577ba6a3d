"""Three loggers side by side: the usual JSON, a list of forbidden names, a list of allowed fields.

A log looks harmless until it is seen beside what went in. Here one call to a logger goes through all
three, and what comes out of each stands in one table.

    reaches_the_log("My neighbour Rosalind saw my screen", "in the message")     # a Table
    guess(digest, questions, sha256)                    # Guess(found="Can I …", tries=10235, …)
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from labkit.lab.present import Table
from labkit.redaction import AllowlistFormatter

__all__ = ["LOGGERS", "PLACES", "Guess", "forbidding", "guess", "line", "reaches_the_log", "usual"]

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
#: What a careful team forbids.
FORBIDDEN = ("password", "api_key", "secret", "token", "authorization")


def usual(record: logging.LogRecord) -> str:
    """What most JSON formatters write: the message, every field, the exception with its text."""
    fields = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
    written: dict[str, Any] = {"level": record.levelname, "message": record.getMessage(), **fields}
    if record.exc_info and record.exc_info[1]:
        written["exception"] = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
    return json.dumps(written)


def forbidding(record: logging.LogRecord) -> str:
    """The same, with stars for every field whose name is on the list of forbidden names."""
    written = json.loads(usual(record))
    return json.dumps({name: "***" if name in FORBIDDEN else value for name, value in written.items()})


def allowing(record: logging.LogRecord) -> str:
    """What the kit's own formatter writes, without the time."""
    written = json.loads(AllowlistFormatter(loggers=("app",)).format(record))
    return json.dumps({name: value for name, value in written.items() if name != "at"})


LOGGERS: Mapping[str, Callable[[logging.LogRecord], str]] = MappingProxyType(
    {"usual JSON": usual, "forbidden names": forbidding, "allowed fields": allowing}
)


def _in_an_error(log: logging.Logger, text: str) -> None:
    try:
        int(text)
    except ValueError:
        log.exception("call_failed")


#: Where a program may put a text, by accident or in a hurry.
PLACES: Mapping[str, Callable[[logging.Logger, str], None]] = MappingProxyType(
    {
        "in the message": lambda log, text: log.info(f"asked: {text}"),  # noqa: G004 - the mistake shown
        "as an argument": lambda log, text: log.info("asked: %s", text),
        "in the field password": lambda log, text: log.info("call_finished", extra={"password": text}),
        "in the field prompt": lambda log, text: log.info("call_finished", extra={"prompt": text}),
        "in the field model": lambda log, text: log.info("call_finished", extra={"model": text}),
        "in a URL": lambda log, text: log.info("call_finished", extra={"url": f"/v1/models?key={text}"}),
        "in an error": _in_an_error,
    }
)


def line(log_call: Callable[[logging.Logger], None], write: Callable[[logging.LogRecord], str]) -> str:
    """What one call to a logger writes, as text."""
    written: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(write(record))

    log = logging.Logger("app")  # noqa: LOG001 - known to nobody else, so nothing else writes this line
    log.addHandler(Keep())
    log_call(log)
    return "\n".join(written)


def reaches_the_log(text: str, place: str) -> Table:
    """What each logger writes when a text stands in this place, and whether the text can be read in it."""
    rows = []
    for name, write in LOGGERS.items():
        written = line(lambda log: PLACES[place](log, text), write)
        # A short text may be a part of every line: it leaks when it is there once more than without it.
        without = line(lambda log: PLACES[place](log, "·"), write)
        readable = bool(text) and any(
            written.count(form) > without.count(form) for form in (text, json.dumps(text)[1:-1])
        )
        rows.append({"logger": name, "leaks": "✗ yes" if readable else "✓ no", "line": written})
    return Table(rows)


# ── guessing ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Guess:
    """What a guesser found, after how many tries, and in what time."""

    found: str | None
    tries: int
    seconds: float


def guess(digest: str, candidates: Iterable[str], make: Callable[[str], str]) -> Guess:
    """Make the digest of each candidate until one is the wanted one."""
    began, tries = time.perf_counter(), 0
    for candidate in candidates:
        tries += 1
        if make(candidate) == digest:
            return Guess(candidate, tries, time.perf_counter() - began)
    return Guess(None, tries, time.perf_counter() - began)
