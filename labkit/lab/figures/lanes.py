"""Who did what, in order: one lane for each party, one numbered mark for each step.

A list of steps hides who was active when; the lanes show the gap into which a second worker walks::

    lanes([("first worker", "claims the key"), ("service", "creates the job")])
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from labkit.lab.figures.style import BLACK, BLUE, GREEN, ORANGE, PALE, PURPLE, canvas, closed

LANES = ("first worker", "ledger", "service", "second worker")
_LOOKS = {
    "first worker": (BLUE, "o"),
    "ledger": (ORANGE, "s"),
    "service": (GREEN, "^"),
    "second worker": (PURPLE, "D"),
}


def lanes(steps: Sequence[tuple[str, str]]) -> Figure:
    """Draw the steps from left to right; the numbers are those of the table beside it."""
    fig, (axes,) = canvas(9.6, 2.6)
    for at, lane in enumerate(LANES):
        axes.axhline(at, color=PALE, linewidth=6, zorder=0)
        numbers = [number for number, (who, _) in enumerate(steps, 1) if who == lane]
        colour, marker = _LOOKS[lane]
        axes.plot(numbers, [at] * len(numbers), marker, color=colour, markersize=11, markeredgecolor=BLACK)
    points = [(number, LANES.index(who)) for number, (who, _) in enumerate(steps, 1)]
    axes.plot([x for x, _ in points], [y for _, y in points], ":", color=BLACK, linewidth=1, zorder=0)
    for number, ((x, y), (_, what)) in enumerate(zip(points, steps, strict=True), 1):
        axes.annotate(str(number), (x, y), (0, 11), textcoords="offset points", ha="center", fontsize=10)
        if "killed" in what:
            axes.annotate("killed", (x, y), (0, -20), textcoords="offset points", ha="center", fontsize=10)
    axes.set_yticks(range(len(LANES)), LANES)
    axes.set_ylim(len(LANES) - 0.4, -0.7)
    axes.set_xlim(0.5, max(len(steps), 10) + 0.5)
    axes.set_xticks([])
    axes.set_xlabel("order of steps")
    axes.grid(visible=False)
    return closed(fig)
