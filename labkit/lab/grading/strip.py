"""Make an exercise from its solution, so that the two can never drift apart.

A solution cell holds its answer between marks. The exercise gets the same cell with a stub in their place:

    # BEGIN SOLUTION
    return Advice.RETRY
    # END SOLUTION          ->    ...  # your code here
"""

from __future__ import annotations

import copy
import re
from typing import Any

from labkit.failures import LabkitError

BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"
STUB = "...  # your code here"
BLOCK = re.compile(
    rf"^(?P<indent>[ \t]*){re.escape(BEGIN)}[ \t]*\n.*?^[ \t]*{re.escape(END)}[ \t]*(?P<end>\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
NBGRADER: dict[str, Any] = {"schema_version": 3, "task": False}


class BadMarks(LabkitError):
    """BEGIN and END marks that do not pair up: part of a solution would be handed out."""


def strip_source(source: str) -> str:
    """The source with each solution replaced by a stub."""
    stripped = BLOCK.sub(lambda block: f"{block['indent']}{STUB}{block['end']}", source)
    if BEGIN in stripped or END in stripped:
        raise BadMarks(f"a {BEGIN!r} without its {END!r}, or the reverse, in: {source[:80]!r}")
    return stripped


def exercise_from(solution: dict[str, Any]) -> dict[str, Any]:
    """The exercise notebook (nbformat 4, as a dict): solutions, outputs and counts taken out."""
    exercise = copy.deepcopy(solution)
    for cell in exercise["cells"]:
        if cell["cell_type"] == "code":
            cell["source"] = strip_source(_joined(cell["source"]))
            cell["outputs"] = []
            cell["execution_count"] = None
    return exercise


def label(notebook: dict[str, Any], number: str, points: int) -> None:
    """Write nbgrader's metadata: which cells are the learner's, and which one shows the points.

    nbgrader reads a number that a graded cell evaluates to as partial credit.
    """
    for cell in notebook["cells"]:
        source = _joined(cell["source"])
        cell["metadata"].pop("nbgrader", None)
        if cell["cell_type"] != "code":
            continue
        if BEGIN in source or STUB in source:
            kind: dict[str, Any] = {"grade": False, "locked": False, "solution": True}
        elif source.rstrip().endswith(".points") and f'check("{number}")' in source:
            kind = {"grade": True, "locked": True, "solution": False, "points": points}
        else:
            continue
        cell["metadata"]["nbgrader"] = {**NBGRADER, **kind, "grade_id": f"{number}-{cell['id']}"}


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)
