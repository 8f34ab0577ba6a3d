"""A provider and a boundary to it, ready for a lesson.

Without it, every notebook opens with thirty lines that start a server, fix a clock and wire a transport, and
no two of them do it alike.

    lab = connect(script=["429", "ok"])          # the practice provider, its next two answers
    outcome = lab.boundary.call(TASK, EVIDENCE)
    lab.provider.count, lab.records              # what really arrived; what the sinks were given

The requests go over a real socket. Their times come from a lesson clock and the jitter from a fixed draw, so
the numbers are the same on every machine; `real_time=True` takes this machine's clock and waits for real.
"""

from __future__ import annotations

import contextlib
import random
import time
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from labkit.boundary import Boundary, adapter_named
from labkit.flow import Policy
from labkit.lab.clock import LessonClock
from labkit.lab.provider import MODELS, Provider, practice
from labkit.lab.provider.faults import Entry
from labkit.prompts import Models
from labkit.records import CallRecord
from labkit.transport import Http

MODEL = MODELS[0]
FIXED_DRAW = 0.5  # every jittered wait is half of its ceiling


@dataclass(eq=False)
class Lab:
    """What a lesson holds: the provider, a boundary to it, the clock and the records of every call."""

    provider: Provider
    boundary: Boundary
    clock: LessonClock
    records: list[CallRecord] = field(default_factory=list)

    def script(self, *entries: Entry) -> None:
        """The provider's next answers: `lab.script("429", "ok")`. After them it answers well."""
        self.provider.script(entries)


def connect(
    provider: str = "openai",
    *,
    script: Iterable[Entry] = (),
    exchange_s: float = 0.04,
    draw: float | None = FIXED_DRAW,
    real_time: bool = False,
    **policy: Any,
) -> Lab:
    """Start a practice provider for as long as the lab is in use, and open a boundary to it.

    `provider` names the wire format; `draw` is the random source's one value, None for real randomness;
    `policy` goes to `Policy` (backoff, phases, budget, card).
    """
    stack = contextlib.ExitStack()
    server = stack.enter_context(practice(script=list(script)))
    clock = LessonClock(exchange_s)
    adapter = adapter_named(provider)
    http = stack.enter_context(Http(server.base_url, adapter.auth_headers(server.key)))
    records: list[CallRecord] = []
    times: dict[str, Any] = {"clock": clock, "wall": clock.wall, "sleep": clock.sleep}
    if real_time:
        times = {"clock": time.monotonic, "wall": time.time, "sleep": time.sleep}
    boundary = Boundary(
        adapter,
        http if real_time else clock.over(http),
        Policy(Models(MODEL), **policy),
        sinks=[records.append],
        random=random.random if draw is None else lambda: draw,
        **times,
    )
    lab = Lab(server, boundary, clock, records)
    # On the boundary, which the lab holds: `connect().boundary.call(…)` keeps its provider until it returns.
    weakref.finalize(boundary, stack.close)
    return lab
