"""A report as a person reads it: a table in a notebook, lines in a terminal.

Passed and failed are words and signs before they are colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from labkit.lab.grading.judge import Finding, Report

PASSED, FAILED = "✓ passed", "✗ not yet"
# Contrast with white at least 7:1, and with each other in lightness too.
GREEN, RED = "#0b5d1e", "#8f1d0e"


@dataclass(frozen=True, slots=True)
class Feedback:
    """A report that shows itself, in Jupyter and in plain text."""

    report: Report
    note: str = "These are the visible checks. A graded run draws other inputs."

    @property
    def points(self) -> float:
        """Points earned."""
        return self.report.points

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return self.report.passed

    def __repr__(self) -> str:
        return as_text(self.report, self.note)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": as_html(self.report, self.note)}


def headline(report: Report) -> str:
    """`Exercise 06: 7 of 10 points`."""
    return f"Exercise {report.exercise}: {report.points:g} of {report.worth} points"


def advice_lines(finding: Finding) -> list[tuple[str, str]]:
    """What a finding says, as label and text, leaving out what it has nothing to say about."""
    pairs = (
        ("asked with", finding.case),
        ("expected", finding.expected),
        ("got", finding.got),
        ("why it matters", finding.because),
        ("perhaps you thought", finding.misconception),
        ("try next", finding.next_step),
        ("read again", finding.read.replace("#", ", section ")),
    )
    return [] if finding.passed else [(label, text) for label, text in pairs if text]


def as_text(report: Report, note: str = "") -> str:
    """Lines for a terminal."""
    lines = [headline(report)]
    for finding in report.findings:
        sign = PASSED if finding.passed else FAILED
        lines.append(f"  {sign}  {finding.asks}  ({finding.points:g}/{finding.worth})")
        lines += [f"      {label}: {text}" for label, text in advice_lines(finding)]
    lines += [f"  while running: {error}" for error in report.errors]
    return "\n".join([*lines, note] if note else lines)


def as_html(report: Report, note: str = "") -> str:
    """A table that a screen reader can read, with no script and nothing from elsewhere."""
    rows = "".join(_row(finding) for finding in report.findings)
    errors = "".join(f"<li><code>{escape(error)}</code></li>" for error in report.errors)
    while_running = f"<p>While your cells ran:</p><ul>{errors}</ul>" if errors else ""
    return (
        '<div style="max-width:60em"><table style="border-collapse:collapse;text-align:left">'
        f'<caption style="{CAPTION}">{escape(headline(report))}</caption>'
        f"<thead><tr>{_head('Result')}{_head('What was checked')}{_head('Points')}</tr></thead>"
        f"<tbody>{rows}</tbody></table>{while_running}<p>{escape(note)}</p></div>"
    )


CAPTION = "text-align:left;font-weight:bold;padding:.3em 0"
SIGN = "white-space:nowrap;background:#fff;font-weight:bold"
CELL = "padding:.35em .6em;border-bottom:1px solid #767676;text-align:left;vertical-align:top"


def _head(text: str) -> str:
    return f'<th scope="col" style="{CELL}">{text}</th>'


def _row(finding: Finding) -> str:
    colour, sign = (GREEN, PASSED) if finding.passed else (RED, FAILED)
    told = "".join(
        f'<div style="margin-top:.25em"><strong>{escape(label)}:</strong> {escape(text)}</div>'
        for label, text in advice_lines(finding)
    )
    return (
        f'<tr><td style="{CELL};{SIGN};color:{colour}">{sign}</td>'
        f'<td style="{CELL}">{escape(finding.asks)}{told}</td>'
        f'<td style="{CELL};white-space:nowrap">{finding.points:g} / {finding.worth}</td></tr>'
    )
