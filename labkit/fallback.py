"""A second way to an answer, decided in advance and visible in the record.

When the provider is down, somebody writes `except: call_the_other_one()`. Then nobody can say which model
answered, a refused request goes shopping for a model that says yes, and the wait doubles.
So a fallback is a policy: which route, for which kinds of failure, within the same deadline.

    policy = Policy(Models("large"), fallback=Fallback(AnthropicMessages(), "other-large", transport))
    outcome.record.model                                  # the route that ended the call
    [attempt.model for attempt in outcome.record.attempts]    # and every route that was tried
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labkit.failures import Kind
from labkit.providers.base import Adapter

# A route that is down, slow or spent. A refusal or a wrong answer is none of these: another model's
# yes does not make it right.
ROUTE_FAILED = frozenset(
    {
        Kind.TIMEOUT,
        Kind.CONNECT,
        Kind.PROTOCOL,
        Kind.RATE_LIMITED,
        Kind.OVERLOADED,
        Kind.PROVIDER_ERROR,
        Kind.QUOTA_EXHAUSTED,
    }
)


@dataclass(frozen=True, slots=True)
class Fallback:
    """The second route, and when it is taken.

    `transport` reaches it; None means the first route's own, for another model of the same provider.
    `keep` is the share of the deadline that is kept for it: without one, a silent first route spends all.
    """

    adapter: Adapter
    model: str
    transport: Any = None
    on: frozenset[Kind] = ROUTE_FAILED
    keep: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.keep < 1:
            raise ValueError(f"keep is {self.keep}; wanted a share of the deadline between 0 and 1")
