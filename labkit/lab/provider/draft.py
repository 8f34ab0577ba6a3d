"""What a model produced, in neutral words, before a wire format wraps it.

Each API tells the end of an answer differently: a finish reason, a stop reason, a status. One draft in
the middle keeps the three from drifting apart.

    Draft("Account acct_10234 is eligible under P-7.").output_tokens   # 11
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from labkit.lab.provider.tokens import count_tokens


class Finish(StrEnum):
    """Why the model stopped, in neutral words; each wire format has its own."""

    STOP = "stop"
    LENGTH = "length"
    FILTER = "content_filter"
    TOOL = "tool"
    REFUSAL = "refusal"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that the model proposes. `arguments` is text: a model may write anything there."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What the model produced, before a wire format wraps it."""

    text: str = ""
    finish: Finish = Finish.STOP
    call: Call | None = None
    refusal: str | None = None
    tells_usage: bool = True

    @property
    def output_tokens(self) -> int:
        """Tokens of everything the model wrote; at least one, as real providers bill."""
        called = self.call.name + self.call.arguments if self.call else ""
        written = self.text + (self.refusal or "") + called
        return max(1, count_tokens(written))


def dumps(value: object) -> str:
    """JSON without spaces, as the lesson writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
