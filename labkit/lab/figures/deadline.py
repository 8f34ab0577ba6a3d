"""Where the deadline went: one bar for each call, cut into attempts and waits.

A log line says "timeout after 12 s". The bar says who spent the twelve seconds::

    budget_bar(segments, deadline_s=12.0)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from labkit.lab.figures.style import BLACK, BLUE, GREEN, PALE, VERMILION, Look, canvas, closed


class Segment(NamedTuple):
    """One stretch of a call's time, in seconds since the call was received."""

    call: str
    part: str
    start_s: float
    end_s: float
    label: str = ""


#: How each part of a call is drawn.
PARTS: dict[str, Look] = {
    "failed attempt": Look(VERMILION, "-", "o", "//"),
    "good attempt": Look(GREEN, "-", "o", ""),
    "wait": Look(BLUE, "-", "o", ".."),
    "unused": Look(PALE, "-", "o", ""),
}


def budget_bar(segments: Sequence[Segment], deadline_s: float) -> Figure:
    """Draw a bar for each call; what runs past the dashed line, the deadline cuts off."""
    calls = list(dict.fromkeys(part.call for part in segments))
    fig, (axes,) = canvas(11.0, 1.5 + 0.7 * len(calls))
    end = max(deadline_s, *(part.end_s for part in segments))
    for row in segments:
        width = row.end_s - row.start_s
        axes.barh(calls.index(row.call), width, left=row.start_s, height=0.6, **PARTS[row.part].bar)
        if row.label and width > end / 25:
            axes.text(
                (row.start_s + row.end_s) / 2,
                calls.index(row.call),
                row.label,
                ha="center",
                va="center",
                fontsize=10,
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"},
            )
    axes.axvline(deadline_s, color=BLACK, linewidth=2, linestyle="--")
    axes.annotate(
        f"deadline {deadline_s:g} s",
        (deadline_s, -0.55),
        (-4, 0),
        textcoords="offset points",
        ha="right",
        fontsize=10,
    )
    axes.set_yticks(range(len(calls)), calls)
    axes.set_ylim(len(calls) - 0.5, -0.8)
    axes.set_xlim(0, end * 1.02)
    axes.set_xlabel("time since the call was received (seconds)")
    axes.grid(visible=False)
    used = [name for name in PARTS if any(name == part.part for part in segments)]
    handles = [axes.barh(0, 0, label=name, **PARTS[name].bar) for name in used]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(used), frameon=False)
    return closed(fig)
