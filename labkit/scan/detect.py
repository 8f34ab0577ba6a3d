r"""Find keys in a piece of text, in whatever form the text carries them.

A regular expression per kind, tried at every character, reads a few megabytes a second and still misses the
key inside ``"…sk\u002dproj…"``. But a key is one long unbroken run of characters, and such runs are a tenth
of ordinary source. So: find the long runs (fast), look only there for the prefixes of the one table, for
values assigned to a name such as ``api_key``, and for runs that are an encoding: base64, percent, JSON, HTML
escapes.

    for hit in find_secrets(text):
        print(hit.kind, hit.line)        # the value stays inside: hit has no text form for it
"""

from __future__ import annotations

import base64
import html
import re
import string
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from labkit.keykinds import ALNUM, PREFIXES, is_placeholder, key_at
from labkit.scan.assigned import assigned_secrets

#: No key of the table is shorter.
SHORTEST = 20
#: base64 in base64 in base64 is followed this far, and no farther.
DEPTH = 3


@dataclass(frozen=True, slots=True)
class Hit:
    """One secret in a text. ``via`` names the encodings it was found under, outermost first."""

    kind: str
    value: str = field(repr=False)
    start: int
    end: int
    line: int
    via: tuple[str, ...] = ()


_RUN_TABLE = bytes(b"#"[0] if chr(code) in ALNUM + "_-+/=%.\\:&#;~" else b" "[0] for code in range(256))
_LONG = b"#" * SHORTEST
_ANCHORS = tuple(p for p in PREFIXES if not any(p != q and p.startswith(q) for q in PREFIXES))
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_DIGITS = re.compile(r"[0-9]")


def find_secrets(text: str, *, depth: int = DEPTH) -> list[Hit]:
    """Every secret in ``text``, in order, each place once. Terminal colours are ignored."""
    text = plain_text(text)
    runs = _long_runs(text)
    found = [*_prefixed(text, runs), *_private_keys(text), *_tokens(text)]
    for start, end in runs:
        if _DIGITS.search(text, start, end):
            found += [(kind, s, e, text[s:e], ()) for kind, s, e in assigned_secrets(text, start, end)]
            if depth:
                found += _decoded(text, start, end, depth)
    return _in_order(text, found)


def plain_text(text: str) -> str:
    """The text without terminal colours: what a hit's start and end count in."""
    return _ANSI.sub("", text) if "\x1b" in text else text


_Raw = tuple[str, int, int, str, tuple[str, ...]]


def _long_runs(text: str) -> list[tuple[int, int]]:
    """Where the unbroken runs of 20 characters or more stand; 300 MB/s, since the search is two C calls."""
    mask = text.encode("ascii", "replace").translate(_RUN_TABLE)
    runs, at = [], mask.find(_LONG)
    while at >= 0:
        end = mask.find(b" ", at)
        end = len(mask) if end < 0 else end
        runs.append((at, end))
        at = mask.find(_LONG, end)
    return runs


def _prefixed(text: str, runs: list[tuple[int, int]]) -> Iterator[_Raw]:
    """Keys of the table. The prefixes are looked up in the runs alone, laid end to end."""
    joined = "\n".join(text[start:end] for start, end in runs)
    offsets, length = [], 0
    for start, end in runs:
        offsets.append(length)
        length += end - start + 1
    for anchor in _ANCHORS:
        at = joined.find(anchor)
        while at >= 0:
            run = bisect_right(offsets, at) - 1
            key = key_at(text, runs[run][0] + at - offsets[run])
            if key is not None:
                kind, start, end = key
                yield kind.name, start, end, text[start:end], ()
            at = joined.find(anchor, at + 1)


_PRIVATE = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----(?:\s|\\[rn]|[A-Za-z-]+: [^\n]*\n)*([A-Za-z0-9+/]{40,})"
)


def _private_keys(text: str) -> Iterator[_Raw]:
    if "PRIVATE KEY-----" in text:
        for match in _PRIVATE.finditer(text):
            if not is_placeholder(match.group(1)[:64]):
                yield "private_key", match.start(), match.end(), match.group(1), ()


_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{12,}\.(eyJ[A-Za-z0-9_-]{12,})\.[A-Za-z0-9_-]{20,}")


def _tokens(text: str) -> Iterator[_Raw]:
    """Signed tokens (JWT). The examples of their documentation carry a counted subject and are left out."""
    if ".eyJ" in text:
        for match in _JWT.finditer(text):
            claims = _from_base64(match.group(1))
            if claims is not None and not is_placeholder(claims):
                yield "signed_token", match.start(), match.end(), match.group(), ()


def _decoded(text: str, start: int, end: int, depth: int) -> Iterator[_Raw]:
    """Secrets inside one run that is an encoding of something else."""
    for name, inner in _views(text[start:end]):
        for hit in find_secrets(inner, depth=depth - 1):
            yield hit.kind, start, end, hit.value, (name, *hit.via)


_ESCAPES = re.compile(r"\\u00([0-9a-fA-F]{2})|\\x([0-9a-fA-F]{2})")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{26,}={0,2}")


def _views(run: str) -> Iterator[tuple[str, str]]:
    if "%" in run and _PERCENT.search(run):
        yield "url", unquote(run)
    if "\\" in run and _ESCAPES.search(run):
        yield "json", _ESCAPES.sub(lambda m: chr(int(m.group(1) or m.group(2), 16)), run)
    if "&#" in run:
        yield "html", html.unescape(run)
    for match in _BASE64.finditer(run):
        inner = _from_base64(match.group())
        if inner is not None:
            yield "base64", inner


def _from_base64(text: str) -> str | None:
    """The decoded text, or None when it decodes to anything but printable ASCII."""
    standard = text.rstrip("=").translate(_TO_STANDARD)
    try:
        raw = base64.b64decode(standard + "=" * (-len(standard) % 4))
    except ValueError:
        return None
    if not raw.isascii():
        return None
    inner = raw.decode("ascii")
    return inner if all(character in _PRINTABLE for character in inner) else None


_TO_STANDARD = str.maketrans("-_", "+/")
_PRINTABLE = frozenset(string.printable)


def _in_order(text: str, found: list[_Raw]) -> list[Hit]:
    """Hits by place. Where two say the same, the one from the table, found with least decoding, is kept."""
    kept: list[_Raw] = []
    for raw in sorted(found, key=lambda raw: (raw[1], _rank(raw))):
        rival = next((i for i in _overlapping(kept, raw) if _same(kept[i], raw)), None)
        if rival is None:
            kept.append(raw)
        elif _rank(raw) < _rank(kept[rival]):
            kept[rival] = raw
    hits, line, counted = [], 1, 0
    for kind, start, end, value, via in sorted(kept, key=lambda raw: raw[1]):
        line += text.count("\n", counted, start)
        counted = start
        hits.append(Hit(kind, value, start, end, line, via))
    return hits


def _overlapping(kept: list[_Raw], raw: _Raw) -> Iterator[int]:
    for index in range(len(kept) - 1, max(-1, len(kept) - 50), -1):
        if kept[index][2] > raw[1]:
            yield index


def _rank(raw: _Raw) -> tuple[bool, int]:
    return raw[0] == "assigned_secret", len(raw[4])


def _same(one: _Raw, other: _Raw) -> bool:
    return one[3] == other[3] or "assigned_secret" in (one[0], other[0])
