"""What a scan reports: where a secret stands and what kind it is, never the secret.

A report that quotes the key is one more leak: it goes to a CI log that more people read than the
repository. Repeats are told apart by a keyed fingerprint; without its key nobody can test a guess against it.

    findings = [finding for finding in findings_in(text, "app.py", fingerprint=Fingerprint.random())]
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from labkit.fingerprints import Fingerprinter
from labkit.keykinds import KEY_KINDS
from labkit.scan.detect import Hit, find_secrets

PROVIDERS = {kind.name: kind.provider for kind in KEY_KINDS}


@dataclass(frozen=True, slots=True)
class Finding:
    """One secret in one place. ``line`` counts from 1 within the place; ``commit`` is set for git history."""

    path: str
    place: str
    line: int
    kind: str
    fingerprint: str
    via: tuple[str, ...] = ()
    commit: str = ""

    @property
    def provider(self) -> str:
        """Whom to call: the provider that issued the key, or an empty string when the kind does not say."""
        return PROVIDERS.get(self.kind, "")

    @property
    def short(self) -> str:
        """Twelve digits of the fingerprint: enough to see by eye that two places hold the same key."""
        return self.fingerprint.rpartition(":")[2][:12]

    def __str__(self) -> str:
        where = f"{self.path}@{self.commit[:12]}" if self.commit else self.path
        parts = [self.place, f"line {self.line}" if self.line else ""]
        coded = f" (in {', '.join(self.via)})" if self.via else ""
        return f"{where}: {', '.join(filter(None, parts))}: {self.kind}{coded} [{self.short}]"


class Fingerprint:
    """A fingerprint under one key that can be kept in a baseline: the same secret, the same mark."""

    __slots__ = ("_make", "key")

    def __init__(self, key: bytes) -> None:
        self._make = Fingerprinter({"scan": key}, purpose="leaked_secret")
        self.key = key.decode("ascii")

    @classmethod
    def random(cls, urandom: Callable[[int], bytes] = os.urandom) -> Fingerprint:
        """A key of its own for one scan: it correlates within one report and with nothing else."""
        return cls(urandom(32).hex().encode())

    def __call__(self, value: str) -> str:
        """The mark of one secret: ``hmac-sha256:scan:<64 hex digits>``."""
        return self._make(value)


def findings_in(
    text: str, path: str, fingerprint: Fingerprint, *, place: str = "", line: bool = True
) -> Iterator[Finding]:
    """The secrets of one text as findings."""
    for hit in find_secrets(text):
        yield finding_of(hit, path, fingerprint, place=place, line=line)


def finding_of(
    hit: Hit, path: str, fingerprint: Fingerprint, *, place: str = "", line: bool = True
) -> Finding:
    """A hit without its value."""
    return Finding(path, place, hit.line if line else 0, hit.kind, fingerprint(hit.value), hit.via)
