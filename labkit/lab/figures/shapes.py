"""From how many uses on a cached prefix is cheaper: cost against uses, one line for each way to keep it.

"The first use is dearer" and "every later one is cheaper" meet somewhere, and the plot shows where::

    break_even({"no cache": [1, 2, 3], "kept for 5 minutes": [1.25, 1.35, 1.45]})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from labkit.lab.figures.style import BLACK, BLUE, ORANGE, canvas, closed

_LOOKS = ((BLACK, "-", "o"), (BLUE, "--", "s"), (ORANGE, ":", "^"))


def break_even(costs: Mapping[str, Sequence[float]], unit: str = "cost of the prefix") -> Figure:
    """Draw a line for each way; a ring marks the first use at which a cached line is the lower one."""
    fig, (axes,) = canvas(9.6, 3.8)
    (_, plain), *_ = costs.items()
    for (name, line), (colour, style, marker) in zip(costs.items(), _LOOKS, strict=True):
        uses = range(1, len(line) + 1)
        axes.plot(uses, line, color=colour, linestyle=style, marker=marker, markersize=5, label=name)
        axes.annotate(name, (len(line), line[-1]), (8, -4), textcoords="offset points", fontsize=10)
        cheaper = next((n for n, cost in zip(uses, line, strict=True) if cost < plain[n - 1]), None)
        if cheaper is not None:
            at = (cheaper, line[cheaper - 1])
            axes.plot(*at, "o", markersize=15, markerfacecolor="none", markeredgecolor=BLACK)
            # Under the lowest line, over all others: a label on a line is not read.
            lowest = line[-1] == min(other[-1] for other in costs.values())
            place = (12, -18) if lowest else (-4, 14)
            axes.annotate(f"pays from use {cheaper}", at, place, textcoords="offset points", fontsize=10)
    axes.set_xlabel("uses of the same prefix before it is forgotten")
    axes.set_ylabel(unit)
    axes.set_xlim(0.7, len(plain) + 2.4)
    axes.set_xticks(range(1, len(plain) + 1))
    axes.set_ylim(0, None)
    return closed(fig)
