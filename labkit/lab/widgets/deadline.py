"""Sliders over one call's budget: how long the provider takes, what each attempt may take, and the whole.

Nobody believes how long three polite retries can keep a person waiting until they have moved the slider::

    deadline_panel()
"""

from __future__ import annotations

from dataclasses import replace

from labkit.backoff import Backoff
from labkit.deadline import Phases
from labkit.flow import Policy
from labkit.lab import budget
from labkit.lab.case import TASK
from labkit.lab.present import Shown
from labkit.lab.station import Script
from labkit.lab.widgets.base import Explore, slider
from labkit.lab.world import Crowd, simulate
from labkit.prompts import Models
from labkit.records import CallRecord

FOR_EVER = 3600.0


def one_call(
    takes_s: float, attempt_s: float | None, deadline_s: float, retries: int = 2, draw: float = 0.5
) -> CallRecord:
    """One call in virtual time, to a provider that needs `takes_s` for a reply; `draw` is the waits' luck."""
    task = replace(TASK, timeout_seconds=deadline_s, max_retries=retries)
    policy = Policy(Models("practice-model"), Backoff(), Phases(read=FOR_EVER, attempt=attempt_s))
    run = simulate(Crowd(1, task=task), Script(takes_s=takes_s), policy, draw=lambda: draw)
    return run.outcomes[0].record


def _draw(deadline: int, attempt: int, takes: int, retries: int) -> tuple[Shown, Shown]:
    record = one_call(takes, attempt, deadline, retries)
    return budget.bar({"your call": record}, deadline), budget.spent(record, deadline)


def deadline_panel() -> Explore:
    """How a deadline is spent, for a provider that is as slow as you like."""
    return Explore(
        _draw,
        question="Where does the time go?",
        deadline=slider("Deadline of the call (s)", 1, 40, 12),
        attempt=slider("Limit of one attempt (s)", 1, 40, 10),
        takes=slider("The provider takes (s)", 1, 40, 15),
        retries=slider("Retries", 0, 5, 2),
    )
