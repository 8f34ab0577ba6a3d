"""Feedback as pages: one self-contained HTML file and one Markdown file for each student and exercise.

Feedback that shows a number alone teaches nothing, and a page that fetches scripts cannot be opened from a
course system. These pages hold everything they need, and read well to a screen reader.

    write_feedback(rows, out / "feedback")
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from labkit.lab.grading import bank
from labkit.lab.grading.feedback import FAILED, PASSED, advice_lines
from labkit.lab.grading.gradebook import points_of, replace_text
from labkit.lab.grading.judge import Finding
from labkit.lab.grading.results import Row

HERE = Path(__file__).parent
SAYS = {
    "passed": "Every check passed.",
    "failed": "Some checks did not pass yet: each says what it wanted and what it got.",
    "timeout": "Your notebook did not come to an end in the time it has. Look for a loop that never stops.",
    "killed": "Your notebook ended its process, or started too many, before its answers could be read.",
    "out_of_memory": "Your notebook asked for more memory than it has.",
    "unreadable": "Your file could not be read as a notebook.",
    "grader_error": "The grader failed, and your work is not to blame. It will be graded again.",
    "not_graded": "This was not graded: your instructor knows the reason.",
}


@functools.cache
def page(name: str) -> jinja2.Template:
    """A template of this folder; every value in it is escaped."""
    loader = jinja2.FileSystemLoader(HERE)
    made = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    # The style is ours, and a page must not need a second file.
    made.globals.update(style=Markup((HERE / "style.css").read_text("utf-8")), PASSED=PASSED, FAILED=FAILED)  # noqa: S704
    return made.get_template(name)


def write_feedback(rows: Iterable[Row], folder: Path) -> int:
    """Write both forms for every row; gives how many rows there were."""
    count = 0
    for row in rows:
        place = folder / file_name(row.student)
        place.mkdir(parents=True, exist_ok=True)
        name = row.exercise or "archive"
        replace_text(place / f"{file_name(name)}.html", as_page(row))
        replace_text(place / f"{file_name(name)}.md", as_markdown(row))
        count += 1
    return count


def file_name(text: str) -> str:
    """A name that is safe in every file system; two students never share one."""
    safe = re.sub(r"[^A-Za-z0-9-]+", "_", text)[:60]
    return safe if safe and safe == text else f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def contents(row: Row) -> dict[str, Any]:
    """What a page says about one result."""
    report = json.loads(row.graded.report) if row.graded else {}
    points = points_of(row)
    worth = bank.load(row.exercise).worth if row.exercise in bank.numbers() else 0
    mark = "no mark yet" if points is None else f"{points:g} of {worth} points"
    return {
        "row": row,
        "headline": f"Exercise {row.exercise}: {mark}" if row.exercise else "An archive",
        "says": f"{SAYS[row.outcome]} {row.problem}".strip(),
        "findings": [Finding(**found) for found in report.get("findings", [])],
        "errors": report.get("errors", []),
    }


def as_page(row: Row) -> str:
    """One self-contained HTML page."""
    return page("feedback.html").render(**contents(row), advice_lines=advice_lines)


def as_markdown(row: Row) -> str:
    """The same as Markdown. What a submission said stands in code, so that it cannot be read as markup."""
    told = contents(row)
    lines = [f"# {told['headline']}", "", f"{_code(row.student)}: {told['says']}", ""]
    for finding in told["findings"]:
        sign = PASSED if finding.passed else FAILED
        lines.append(f"- **{sign}** {finding.asks} ({finding.points:g} of {finding.worth})")
        for label, text in advice_lines(finding):
            lines.append(
                f"  - {label}: {_code(text) if label in {'asked with', 'got', 'expected'} else text}"
            )
    if told["errors"]:
        lines += ["", "## While your cells ran", "", *(f"- {_code(error)}" for error in told["errors"])]
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"
