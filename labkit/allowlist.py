"""What may be written down: a typed allowlist, and exceptions without their values.

Without it, redaction hunts for what must not pass, and misses what nobody thought of: filters and
pattern lists let most sensitive events through. An allowlist turns that round. What is not declared
does not pass, and what is declared passes only with the declared type: a key in the field `model`
is no model name. A value of the wrong type becomes a marker that says its type and nothing else.

    allowlist = LABKIT.extend(events=("rotation_decided",), days=integer(0, 400))
    allowlist.clean({"model": "gpt-4o", "days": 30, "prompt": "Can I …"})
    # {"model": "gpt-4o", "days": 30, "dropped": 1}

It cannot know that a well-formed account id is the wrong account's. It bounds what a field can carry.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from itertools import islice
from types import MappingProxyType
from typing import Any

from labkit.keykinds import PREFIXES, find_keys

__all__ = [
    "UNLISTED",
    "Allowlist",
    "boolean",
    "each",
    "fingerprint",
    "identifier",
    "integer",
    "matching",
    "model_slug",
    "money_amount",
    "number",
    "one_of",
    "phrase",
    "rows",
    "timestamp",
]

#: A field's type: returns the value to write, or the refusal.
Check = Callable[[object], object]

UNLISTED = "unlisted_event"
_MOST_REMEMBERED = 1024


class _Refused:
    """The one value that says no. It has no room for what was refused."""


_NO = _Refused()


@dataclass(frozen=True)
class Allowlist:
    """The events that may be named and the fields that may be written, each with its type."""

    fields: Mapping[str, Check]
    events: frozenset[str] = frozenset()

    def extend(self, *, events: Iterable[str] = (), **fields: Check) -> Allowlist:
        """Add yours to these: names of events, and `field=type` pairs."""
        return Allowlist(MappingProxyType({**self.fields, **fields}), self.events.union(events))

    def event(self, message: object) -> str:
        """The message, if it is a declared event name. A sentence is not; what it says is dropped."""
        return message if type(message) is str and message in self.events else UNLISTED

    def clean(self, values: Mapping[str, Any]) -> dict[str, object]:
        """Only what is declared, each with its type. `dropped` counts the rest: a name may be data too."""
        kept: dict[str, object] = {}
        declared = self.fields.get
        for name, value in values.items():
            check = declared(name)
            if check is not None:
                # As in `checked`, without a call for each field: this is the price of every log line.
                result = value if value is None else check(value)
                kept[name] = _marker(value) if result is _NO else result
        dropped = len(values) - len(kept)
        if dropped:
            kept["dropped"] = dropped
        return kept


def checked(check: Check, value: object) -> object:
    """The value if its type is right; None, which means unknown; or a marker such as `<refused: str>`."""
    if value is None:
        return None
    result = check(value)
    return _marker(value) if result is _NO else result


def _marker(value: object) -> str:
    name = type(value).__name__
    # A class made at run time can be named after anything.
    return f"<refused: {name if getattr(builtins, name, None) is type(value) else 'object'}>"


# ── types ───────────────────────────────────────────────────────────────────────────────────────


def integer(low: int = 0, high: int = 10_000_000) -> Check:
    """An int from low to high. The bound matters: an unbounded int holds a card number."""
    return lambda value: value if type(value) is int and low <= value <= high else _NO


def number(low: float = 0.0, high: float = 1e9) -> Check:
    """An int or a float from low to high, and never a NaN."""
    return lambda value: value if type(value) in (int, float) and low <= value <= high else _NO  # type: ignore[operator]


def boolean(value: object) -> object:
    """True or False, and not 1 or "yes"."""
    return value if type(value) is bool else _NO


def one_of(*values: str) -> Check:
    """One of the named values, as text or as a member of an Enum."""
    known = frozenset(values)

    def check(value: object) -> object:
        if type(value) is str:
            return value if value in known else _NO
        text = value.value if isinstance(value, Enum) else None
        return text if type(text) is str and text in known else _NO

    return check


def matching(pattern: str, most: int = 64, *, keyless: bool = False) -> Check:
    """Text that matches the whole pattern, is short, and holds no API key.

    `keyless` says that the pattern itself leaves no room for a key, so that none is looked for.
    """
    compiled = re.compile(pattern, re.ASCII)
    seen: set[str] = set()  # only of what passed: refused text must not stay in memory

    def check(value: object) -> object:
        if type(value) is not str:
            return _NO
        if value in seen:
            return value
        if len(value) > most or not compiled.fullmatch(value) or (not keyless and has_key(value)):
            return _NO
        if len(seen) < _MOST_REMEMBERED:
            seen.add(value)
        return value

    return check


def identifier(*prefixes: str, longest: int = 32) -> Check:
    """An id with one of the prefixes (`trace_acct_10234_01`, `t1`), or a UUID.

    The prefix tells an id from a name, a phone number or a password. Its parts are `longest` at most.
    """
    words = "|".join(map(re.escape, sorted(prefixes, key=len, reverse=True)))
    parts = rf"(?:[_:.-]{_NO_KEY_AHEAD}[A-Za-z0-9]{{1,{longest}}}){{0,6}}"
    return matching(rf"(?:{words})\d{{0,12}}{parts}|{_UUID4}", 128, keyless=True)


def model_slug(*families: str) -> Check:
    """A model of a known family: `gpt-4o-mini`, `anthropic/claude-sonnet-4-5`. Name your own families."""
    known = "|".join(map(re.escape, sorted(families, key=len, reverse=True)))
    maker = r"(?:[a-z][a-z-]{1,15}/)?"
    return matching(rf"{maker}(?:{known})(?=[\d._:-]|$)(?:[._:-]?[A-Za-z0-9]{{1,12}}){{0,8}}")


def timestamp(value: object) -> object:
    """Seconds since 1970 as a number, or a datetime, written as ISO 8601."""
    if type(value) is datetime:
        return value.isoformat()
    return _SECONDS(value)


def money_amount(value: object) -> object:
    """A Decimal below a million, as text with all its digits; or such text."""
    text = str(value) if type(value) is Decimal else value
    return text if type(text) is str and _AMOUNT.fullmatch(text) else _NO


def phrase(words: Iterable[str]) -> Check:
    """Codes made of known words alone: `retries_exhausted`, `unsupported window; too long`, `http_503`.

    Also `crashed:ValueError`. A sentence has words that no code has, so it does not pass.
    """
    known = frozenset(words) | {""}
    seen: set[str] = set()  # of what passed

    def check(value: object) -> object:
        if type(value) is str and value in seen:
            return value
        if type(value) is not str or len(value) > _LONGEST_PHRASE:
            return _NO
        head, _, tail = value.partition(":")
        if tail:
            return value if head in _ENDED_BY and _CLASS_NAME.fullmatch(tail) else _NO
        if not all(part in known or _HTTP.fullmatch(part) for part in _SPLIT.split(value)):
            return _NO
        if len(seen) < _MOST_REMEMBERED:
            seen.add(value)
        return value

    return check


def each(check: Check, most: int = 50) -> Check:
    """A list whose items are each of one type; beyond `most` it is cut."""

    def check_all(value: object) -> object:
        if not isinstance(value, list | tuple):
            return _NO
        return [checked(check, item) for item in islice(value, most)]

    return check_all


def rows(allowlist: Allowlist, most: int = 50) -> Check:
    """A list of mappings, each cleaned by its own allowlist; beyond `most` it is cut."""
    return each(lambda item: allowlist.clean(item) if type(item) is dict else _NO, most)


_SECONDS = number(0, 4_102_444_800.0)  # until the year 2100
_BEGINNINGS = "|".join(map(re.escape, PREFIXES))
_NO_KEY_AHEAD = rf"(?!(?:{_BEGINNINGS})[A-Za-z0-9_.-]{{16}})"
# Not inside a word; after an escape, which \\ or % announces, the whole search decides.
_BEGINNING = re.compile(r"(?<![A-Za-z0-9])(?:" + _BEGINNINGS + r")|[\\%]")
_UUID4 = r"[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}"
_AMOUNT = re.compile(r"\d{1,6}(?:\.\d{1,12})?", re.ASCII)
_CLASS_NAME = re.compile(r"[A-Z][A-Za-z]{2,40}", re.ASCII)
_ENDED_BY = ("cancelled", "crashed")
_HTTP = re.compile(r"[1-5]\d\d", re.ASCII)
_LONGEST_PHRASE = 200
_SPLIT = re.compile(r"[_ ;]+")


def has_key(text: str) -> bool:
    """Whether the text holds something of an API key's shape."""
    # Most texts hold no key's beginning, and to look for one is a tenth of the whole search.
    return _BEGINNING.search(text) is not None and next(find_keys(text), None) is not None


fingerprint = matching(r"hmac-sha256:[a-z0-9][a-z0-9._-]{0,31}:[0-9a-f]{12,64}", 128)
