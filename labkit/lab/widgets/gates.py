"""The twelve answers to sort, and the rules to switch off one by one.

A rule looks needless until it is missing. Here each can be taken out, and what it alone had stopped gets
through at once::

    candidate_sorter()                     # one cell
    panel = rule_editor()                  # another
    panel.set(window_equals_the_cited_line=False)
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from labkit.lab.candidates import BINS, CANDIDATES, got_through, two_gates, verdict
from labkit.lab.case import EVIDENCE, P7
from labkit.lab.present import Table, Words
from labkit.lab.widgets.base import Explore, Item, Sorter, checkbox, dropdown
from labkit.rules import ROTATION_RULES


def candidate_sorter(name: str = "09-twelve") -> Sorter:
    """The twelve answers, to be sorted by what stops them. Where each belongs is what the gates say."""
    items = [Item(one.label, verdict(one.text).stopped_by, one.because) for one in CANDIDATES]
    return Sorter("Which gate stops each of these answers?", BINS, items, name=name)


def rule_editor() -> Explore:
    """Every business rule with a switch, and the window that the supplied P-7 states."""
    switches: dict[str, Any] = {
        rule.__name__: checkbox(rule.__name__.replace("_", " "), value=True) for rule in ROTATION_RULES
    }
    window = dropdown("P-7 says, in days", [14, 30, 90], 30)
    return Explore(_draw, question="Which wrong answers get through?", p7_days=window, **switches)


def _draw(p7_days: int, **switches: bool) -> tuple[Words, Table]:
    rules = [rule for rule in ROTATION_RULES if switches[rule.__name__]]
    evidence = replace(EVIDENCE, policy_lines=(replace(P7, rotation_window_days=p7_days),))
    if p7_days == P7.rotation_window_days:
        through = [candidate.letter for candidate in got_through(rules)]
        said = f"Wrong answers that get through: {', '.join(through) or 'none'}."
    else:
        passing = [
            one.letter for one in CANDIDATES if verdict(one.text, evidence, rules).stopped_by == BINS[0]
        ]
        said = f"With P-7 at {p7_days} days, these pass: {', '.join(passing) or 'none'}."
    return Words(said), two_gates(CANDIDATES, evidence, rules)
