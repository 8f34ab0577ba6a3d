"""What every response carries beside its content: ids, time, model and token counts.

A cost that is computed from guessed counts is wrong in every report; so even a practice answer carries
exact ones.

    envelope = Envelope("chatcmpl-1", created, "practice-model", Counted(21, 8), state.next_id)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counted:
    """Tokens of one call. `input_tokens` is everything sent; `cached` and `written` are parts of it."""

    input_tokens: int
    output_tokens: int
    cached: int = 0
    written: int = 0
    written_1h: int = 0


@dataclass(frozen=True, slots=True)
class Envelope:
    """The outside of one response."""

    id: str
    created: int
    model: str
    usage: Counted
    part_id: Callable[[str], str]
