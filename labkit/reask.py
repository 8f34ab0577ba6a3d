"""Asking again after an answer that the gates refused: bounded, and off by default.

Clients that re-ask by themselves do it three or four times at once, each time with the exchange so far:
the request grows, the bill grows faster, and a rule that the model cannot meet is never met.
Here a re-ask is the first request again with one line added, the gates' last reason; it waits as any retry
does, takes from the same retries and the same retry budget, and is an attempt in the record with its tokens.

    policy = Policy(models, reask=Reask(most=1, most_tokens=4_000))

Only invalid output is asked again, unless `kinds` says more.
An answer of the right form that the evidence does not support is a judgement; a second one that passes may be
no better founded.
"""

from __future__ import annotations

from dataclasses import dataclass

from labkit.failures import Kind, LabkitError
from labkit.usage import Usage


@dataclass(frozen=True, slots=True)
class Reask:
    """How often, how dear, and after what. `most_tokens` covers a call's attempts so far and the next one."""

    most: int = 1
    most_tokens: int = 4_000
    kinds: frozenset[Kind] = frozenset({Kind.INVALID_OUTPUT})

    def __post_init__(self) -> None:
        if self.most < 1 or self.most_tokens < 1:
            raise LabkitError(
                f"Reask(most={self.most}, most_tokens={self.most_tokens}); wanted at least 1 of each"
            )
        if not self.kinds <= {Kind.INVALID_OUTPUT, Kind.UNSUPPORTED_DECISION}:
            raise LabkitError("Reask.kinds: wanted invalid_output, unsupported_decision or both")

    def allows(self, kind: Kind, asked: int, spent: list[Usage | None]) -> bool:
        """Whether to ask once more, when `asked` re-asks were made. Unknown usage cannot be bounded: no."""
        known = [usage for usage in spent if usage is not None]
        if kind not in self.kinds or asked >= self.most or not known or len(known) < len(spent):
            return False
        tokens = [usage.total_input_tokens + usage.output_tokens for usage in known]
        return sum(tokens) + tokens[-1] <= self.most_tokens


def correction(detail: str) -> str:
    """The line that is added. `detail` is the gates' own words: nothing of the refused answer goes back."""
    return f"Your last answer was refused: {detail}. Answer again, in the required form."
