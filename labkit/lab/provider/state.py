"""What the practice provider remembers: its script, its counters, what really arrived.

Without a count kept by the server, a test can only ask the client how often it called, and the
client is what is being tested. Here the server's own word stands: every request is counted when
its headers arrive, also those that are then reset. No header value with a credential and no
customer text is kept, only a keyed digest that tells two equal bodies from two different ones.

    state = State(seed=7)
    state.script(["429", "ok"])
    state.requests[0].path, state.count
"""

from __future__ import annotations

import hashlib
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from labkit.lab.provider.faults import OK, Entry, Plan, parse, parse_all

PRACTICE_KEY = "practice-key-not-a-secret"
MODELS = ("practice-model", "practice-large", "practice-1")


@dataclass(slots=True)
class Seen:
    """One request that arrived, `at` an epoch second of the provider's clock.

    `ended` is how it left: open, answered, reset, closed, truncated, client_gone or shut_down.
    """

    number: int
    method: str
    path: str
    at: float = 0.0
    fault: str = ""
    model: str | None = None
    stream: bool = False
    idempotency_key: str | None = None
    retry_count: str | None = None
    digest: str = ""
    status: int | None = None
    sent_chunks: int = 0
    ended: str = "open"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON, for the control endpoint."""
        return {name: getattr(self, name) for name in self.__slots__}


class State:
    """The provider's memory. Thread-safe: tests read it while the server's thread writes it.

    `clock` gives epoch seconds; `advance` moves the provider's time without anyone sleeping.
    `script` faults are used up one per request; when they are gone, `chances` are drawn (seeded).
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        key: str = PRACTICE_KEY,
        models: Iterable[str] = MODELS,
        chances: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.time,
        background_seconds: float = 0.2,
        batch_seconds: float = 2.0,
    ) -> None:
        self.key = key
        self.models = tuple(models)
        self.background_seconds = background_seconds
        self.batch_seconds = batch_seconds
        self._seed = seed
        self._clock = clock
        self._lock = threading.RLock()
        self._digest_key = secrets.token_bytes(32)
        self._on_reset: list[Callable[[], None]] = []
        self._start_chances = dict(chances or {})
        self.reset()

    def reset(self, seed: int | None = None) -> None:
        """Forget every request, script and counter; ids start again at 1."""
        with self._lock:
            self._seed = self._seed if seed is None else seed
            self.random = random.Random(self._seed)
            self.offset = 0.0
            self.requests: list[Seen] = []
            self._counters: dict[str, int] = {}
            self._scripts: dict[str, deque[Plan]] = {}
            self._chances: list[tuple[Plan, float]] = []
            self.chances(self._start_chances)
            for forget in self._on_reset:
                forget()

    def on_reset(self, forget: Callable[[], None]) -> None:
        """A room of the provider (rotations, batches) asks to be cleared together with the rest."""
        self._on_reset.append(forget)

    # ── time and ids ──

    def now(self) -> float:
        """Epoch seconds, as moved by `advance`."""
        return self._clock() + self.offset

    def advance(self, seconds: float) -> None:
        """Move the provider's clock forward."""
        self.offset += seconds

    def next_id(self, prefix: str) -> str:
        """Deterministic: prefix, seed and a counter per prefix, such as ``chatcmpl-0000000001``."""
        with self._lock:
            count = self._counters[prefix] = self._counters.get(prefix, 0) + 1
        return f"{prefix}{self._seed:04x}{count:08d}"

    # ── faults ──

    def script(self, entries: Iterable[Entry] | str, *, on: str = "calls") -> None:
        """Faults for the next requests of one kind, one each.

        `on`: calls, polls, batches, files, rotations, lookups or models.
        """
        plans = parse_all(entries)
        with self._lock:
            self._scripts[on] = deque(plans)

    def chances(self, chances: Mapping[str, float]) -> None:
        """Faults by probability for model calls, drawn once the script is used up."""
        drawn = [(parse(name), float(share)) for name, share in chances.items()]
        total = sum(share for _, share in drawn)
        if any(share < 0 for _, share in drawn) or total > 1.0 + 1e-9:
            raise ValueError(
                f"fault chances {dict(chances)} add up to {total:g}; wanted shares of 0 to 1 in all"
            )
        with self._lock:
            self._chances = drawn

    def next_plan(self, on: str) -> Plan:
        """The faults of the request that has just arrived."""
        with self._lock:
            script = self._scripts.get(on)
            if script:
                return script.popleft()
            if on != "calls" or not self._chances:
                return OK
            draw = self.random.random()
            for plan, share in self._chances:
                draw -= share
                if draw < 0:
                    return plan
            return OK

    @property
    def waiting(self) -> int:
        """Script entries that no request has used yet."""
        return sum(len(script) for script in self._scripts.values())

    # ── what arrived ──

    def arrived(self, method: str, path: str, headers: Mapping[str, str]) -> Seen:
        """Count a request as soon as its headers are here."""
        key = headers.get("idempotency-key")
        retry = headers.get("x-stainless-retry-count", "")
        with self._lock:
            seen = Seen(
                number=len(self.requests) + 1,
                method=method,
                path=path,
                at=self.now(),
                idempotency_key=None if key is None else key[:200],
                retry_count=retry if retry.isdigit() else None,
            )
            self.requests.append(seen)
        return seen

    def digest(self, body: bytes) -> str:
        """A keyed digest of a body: equal bodies match, and nobody can guess the text from it."""
        return hashlib.blake2b(body, key=self._digest_key, digest_size=8).hexdigest()

    @property
    def count(self) -> int:
        """How many requests arrived."""
        return len(self.requests)

    def known_model(self, name: object) -> str | None:
        """The name if it is a model of ours, else a placeholder: free text is never kept."""
        if not isinstance(name, str):
            return None
        return name if name in self.models else "(unknown)"
