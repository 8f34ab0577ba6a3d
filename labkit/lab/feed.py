"""What a learner does goes into their journal, where there is one, and never into their way.

Without it a journal is written by those who remember to write it, which is nobody. And a diary that stops a
lesson when the disk is full is worse than none.

    LABKIT_JOURNAL=work/journal.jsonl      # set by `labkit start`; without it nothing is written
    heard(step)                            # steps of widgets; subscribed where the widgets are loaded
    checked(report)                        # what `check("06")` found: points, nothing of the code

Tests of notebooks and the grader leave no trace: what they do is nobody's learning.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.lab.journal import Journal, JournalError

if TYPE_CHECKING:
    from labkit.lab.grading.judge import Report
    from labkit.lab.widgets.base import Step

VARIABLE = "LABKIT_JOURNAL"
#: pytest, which runs nbval and its kernels, sets the first two; the grader's child sets the last.
NOT_A_LEARNER = ("PYTEST_VERSION", "PYTEST_CURRENT_TEST", "LABKIT_OBSERVING")
#: what a step is called -> what the journal calls it
KINDS = {
    "predicted": "predicted",
    "revealed": "predicted",
    "recalled": "recalled",
    "sorted": "sorted",
    "answered": "answered",
}

_told: set[str] = set()


def journal(environ: Mapping[str, str] | None = None) -> Journal | None:
    """The journal that the environment names, or None where nothing is to be written."""
    found = os.environ if environ is None else environ
    if any(found.get(name) for name in NOT_A_LEARNER) or not found.get(VARIABLE):
        return None
    return Journal(Path(found[VARIABLE]))


def heard(step: Step, environ: Mapping[str, str] | None = None) -> None:
    """Note a step of a widget."""
    if kind := KINDS.get(step.what):
        data: dict[str, Any] = {
            "chosen": list(step.chosen),
            "answer": list(step.answer),
            "confidence": step.confidence,
            "right": step.right,
        }
        known = {name: value for name, value in data.items() if value not in (None, [])}
        _note(journal(environ), kind, step.name, **known)


def checked(report: Report, environ: Mapping[str, str] | None = None) -> None:
    """Note the points of an exercise's checks."""
    found, name = journal(environ), report.exercise
    _note(found, "checked", name, points=report.points, worth=report.worth, right=report.passed)


def _note(into: Journal | None, kind: str, name: str, **data: Any) -> None:
    if into is None:
        return
    try:
        into.note(kind, name, lesson=name[:2] if name[:2].isdigit() else "", **data)
    except (JournalError, OSError, TypeError, ValueError) as error:
        if str(into.path) not in _told:  # once: a lesson is no place for the same complaint at each press
            _told.add(str(into.path))
            sys.stderr.write(f"labkit: your journal misses this: {error}\n")
