"""`check("06")` in a notebook: ask the bank's questions of the names that are defined right now.

    from labkit.lab import check
    check("06")          # a table: what passed, what did not, and why

It runs in the learner's own kernel, on inputs drawn afresh, so an answer learned by heart does not pass.
It is feedback and no mark: `labkit check 06` runs the file fresh in a process of its own, and `labkit grade`
decides.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from random import Random
from typing import Any

from labkit.lab import feed
from labkit.lab.grading import bank
from labkit.lab.grading.feedback import Feedback
from labkit.lab.grading.observe import Code, observations


class Quiet:
    """What `check` gives where the grader runs a notebook: nothing to see, nothing to forge."""

    points = 0.0
    passed = False

    def __repr__(self) -> str:
        return "checks are made outside while a notebook is being graded"


def check(number: str | int, names: Mapping[str, Any] | None = None, *, seed: int | None = None) -> Any:
    """Check an exercise against the caller's names (or `names`), and give a `Feedback` that shows itself."""
    if os.environ.get("LABKIT_OBSERVING"):
        return Quiet()
    wanted = str(number).zfill(2)
    exercise, probes = bank.load(wanted), bank.load_probes(wanted)
    code = Code(sys._getframe(1).f_globals if names is None else names)  # noqa: SLF001 - the notebook's own names
    cases = exercise.draw(Random(seed))
    report = exercise.judge(cases, observations(code, probes, cases))
    feed.checked(report)
    return Feedback(report)
