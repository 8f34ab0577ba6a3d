"""Recognise a text again without writing it down.

Without a key, a hash hides nothing that can be guessed: whoever holds the log hashes candidate
questions until one matches. With HMAC the guesser needs the key too. It still says which lines are
the same text, so it is pseudonymous, not anonymous: guard the key, and who may read the log.

    fingerprint = Fingerprinter({"2026-11": key}, purpose="question")
    fingerprint("Can I rotate …")         # hmac-sha256:2026-11:5d0c…
    fingerprint.matches("Can I rotate …", stored)

A key id in each fingerprint lets two keys live side by side while one replaces the other. The purpose
is part of the key, so that two tables' fingerprints of one text cannot be joined.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

from labkit.failures import LabkitError
from labkit.keykinds import is_placeholder

__all__ = ["FingerprintError", "Fingerprinter", "short_fingerprint"]

SHORTEST_KEY = 16
MOST_LIVE_KEYS = 2
_KEY_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}", re.ASCII)
_PURPOSE = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)


class FingerprintError(LabkitError):
    """A key, key id or purpose that cannot be used. The message never holds the key."""


class Fingerprinter:
    """Makes and checks `hmac-sha256:<key id>:<64 hex digits>` for one purpose.

    `keys` maps key ids to keys, the current one last: a new fingerprint uses the last, and `matches`
    accepts each. Two at most live at once; when the old log lines have expired, drop the old key.
    """

    __slots__ = ("_keys", "current", "purpose")

    def __init__(self, keys: Mapping[str, str | bytes], *, purpose: str) -> None:
        if not _PURPOSE.fullmatch(purpose):
            raise FingerprintError(f"purpose {purpose!r}; wanted a lower-case word such as 'question'")
        if not 1 <= len(keys) <= MOST_LIVE_KEYS:
            raise FingerprintError(f"{len(keys)} keys; wanted one, or two while one replaces the other")
        self.purpose = purpose
        self._keys = {name: _derived(name, key, purpose) for name, key in keys.items()}
        self.current = next(reversed(self._keys))

    def __call__(self, text: str) -> str:
        """The fingerprint of a text under the current key."""
        return self._make(self.current, text)

    def matches(self, text: str, fingerprint: str) -> bool:
        """Whether a fingerprint is this text's, under any key that is still live."""
        key_id = fingerprint.split(":")[1] if fingerprint.count(":") == 2 else ""
        if key_id not in self._keys:
            return False
        return hmac.compare_digest(self._make(key_id, text).encode(), fingerprint.encode())

    def _make(self, key_id: str, text: str) -> str:
        digest = hmac.digest(self._keys[key_id], text.encode("utf-8", "surrogatepass"), "sha256")
        return f"hmac-sha256:{key_id}:{digest.hex()}"

    def __repr__(self) -> str:
        return f"Fingerprinter(keys={list(self._keys)}, purpose={self.purpose!r})"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Fingerprinter holds keys and is not pickled; make one in the other process")


def short_fingerprint(text: str, key: str | bytes) -> str:
    """The first 12 hex digits of HMAC-SHA256: enough to follow repeats by eye in a small log.

    Among twenty million texts two share one, as likely as not: correlate by it, decide nothing by it.
    """
    return hmac.digest(_usable("key", key), text.encode("utf-8", "surrogatepass"), "sha256").hex()[:12]


def _derived(name: str, key: str | bytes, purpose: str) -> bytes:
    if not _KEY_ID.fullmatch(name):
        raise FingerprintError("a key id is not made of a-z, 0-9, dot, dash and underscore; use '2026-11'")
    return hmac.digest(_usable(name, key), f"labkit fingerprint: {purpose}".encode(), "sha256")


def _usable(name: str, key: str | bytes) -> bytes:
    fix = "make one with `python3 -c 'import secrets; print(secrets.token_hex(32))'`"
    if not isinstance(key, str | bytes):
        raise FingerprintError(f"fingerprint {name} is a {type(key).__name__}; wanted text or bytes; {fix}")
    raw = key.encode() if isinstance(key, str) else key
    if len(raw.strip()) < SHORTEST_KEY:
        raise FingerprintError(f"fingerprint {name} is shorter than {SHORTEST_KEY} bytes; {fix}")
    if len(set(raw)) < 6 or is_placeholder(raw.decode("latin-1")):
        raise FingerprintError(f"fingerprint {name} is a placeholder; {fix}")
    return raw
