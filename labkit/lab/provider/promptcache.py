"""Prompt caching: an exact prefix, long enough, seen before and not too long ago.

A prompt with a timestamp at its top is never cached, and nothing says so except the cached-token
count that nobody looks at. Here the rules are small enough to try out: from 1,024 tokens on, and
only up to the first byte that differs.

    cache.openai(segments, "practice-model", "")   # (cached, written, written for one hour)
    cache.anthropic(segments, "practice-model")    # only prefixes that end in a cache_control mark
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from labkit.lab.provider.prompt import Segment
from labkit.lab.provider.tokens import BYTES_PER_TOKEN, count_tokens

LEAST_TOKENS = 1024
STEP = 128  # OpenAI counts cached tokens in steps of this size
OPENAI_TTL = 600
LOOKBACK = 20  # how many blocks before a mark Anthropic looks for an older prefix

Hit = tuple[int, int, int]
NOTHING: Hit = (0, 0, 0)


class PromptCache:
    """Prefixes by digest, each with the time at which it is forgotten. `now` is the provider's clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._until: dict[bytes, tuple[float, int]] = {}

    def clear(self) -> None:
        """Forget every prefix."""
        self._until.clear()

    def openai(self, segments: Sequence[Segment], model: str, cache_key: str) -> Hit:
        """Automatic caching: the longest run of whole steps that is known."""
        raw = "".join(segment.text for segment in segments).encode("utf-8", "surrogatepass")
        if len(raw) < LEAST_TOKENS * BYTES_PER_TOKEN:
            return NOTHING
        size = STEP * BYTES_PER_TOKEN
        digest = hashlib.blake2b(f"{model}\0{cache_key}\0".encode(), digest_size=16)
        known, whole = 0, len(raw) // size
        for step in range(whole):
            digest.update(raw[step * size : (step + 1) * size])
            # A step's digest covers all before it, so a known step means a known prefix.
            if self._is_known(digest.digest()):
                known = step + 1
            self._remember(digest.digest(), OPENAI_TTL)
        cached = known * STEP if known * STEP >= LEAST_TOKENS else 0
        return cached, whole * STEP - cached, 0

    def anthropic(self, segments: Sequence[Segment], model: str) -> Hit:
        """Explicit caching: read the longest known prefix near a mark, write up to the last mark."""
        prefixes = _prefixes(segments, model)
        marks = [index for index, segment in enumerate(segments) if segment.ttl is not None]
        marks = [index for index in marks if prefixes[index][1] >= LEAST_TOKENS]
        if not marks:
            return NOTHING
        reach = {index for mark in marks for index in range(max(0, mark - LOOKBACK), mark + 1)}
        known = [index for index in reach if self._is_known(prefixes[index][0])]
        cached = prefixes[max(known)][1] if known else 0
        hour = 0
        for mark in marks:
            ttl = segments[mark].ttl or 0
            self._remember(prefixes[mark][0], ttl)
            hour = prefixes[mark][1] if ttl > 300 else hour
        for index in known:
            self._refresh(prefixes[index][0])
        written = max(0, prefixes[marks[-1]][1] - cached)
        return cached, written, min(written, max(0, hour - cached))

    def _is_known(self, digest: bytes) -> bool:
        until, _ = self._until.get(digest, (0.0, 0))
        return until > self._now()

    def _remember(self, digest: bytes, ttl: int) -> None:
        longest = max(ttl, self._until.get(digest, (0.0, 0))[1] if self._is_known(digest) else 0)
        self._until[digest] = (self._now() + longest, longest)

    def _refresh(self, digest: bytes) -> None:
        """A hit keeps its entry alive for another lifetime."""
        self._remember(digest, self._until[digest][1])


def _prefixes(segments: Sequence[Segment], model: str) -> list[tuple[bytes, int]]:
    """The digest and the tokens of every prefix that ends with a whole segment."""
    digest = hashlib.blake2b(f"{model}\0".encode(), digest_size=16)
    text, found = "", []
    for segment in segments:
        text += segment.text
        digest.update(segment.text.encode("utf-8", "surrogatepass") + b"\0")
        found.append((digest.digest(), count_tokens(text)))
    return found
