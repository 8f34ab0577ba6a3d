"""One look for every plot: colours that survive colour blindness, and never colour alone.

Each series has a colour (Okabe and Ito's palette), a line style, a marker and a hatch of its own, so
a plot still reads in grey. Use it in three lines::

    fig, (axes,) = canvas(width=9.6, height=3.6)
    axes.plot(x, y, **SERIES["full"].line)
    return closed(fig)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito, "Color Universal Design", 2008.
BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#767676"
PALE = "#E6E6E6"


@dataclass(frozen=True, slots=True)
class Look:
    """How one series is drawn."""

    colour: str
    dashes: str
    marker: str
    hatch: str
    title: str = ""

    @property
    def line(self) -> dict[str, Any]:
        """Keyword arguments for `Axes.plot`."""
        return {"color": self.colour, "linestyle": self.dashes, "marker": self.marker}

    @property
    def bar(self) -> dict[str, Any]:
        """Keyword arguments for `Axes.bar` and `Axes.barh`."""
        return {"facecolor": self.colour, "hatch": self.hatch, "edgecolor": "white", "linewidth": 0.5}


# The jitters keep their look wherever they appear.
SERIES: dict[str, Look] = {
    "none": Look(VERMILION, "-", "o", "", "no jitter"),
    "exponential": Look(VERMILION, "-", "o", "", "exponential, no jitter"),
    "quarter": Look(ORANGE, "--", "s", "//", "25% jitter"),
    "equal": Look(PURPLE, "-.", "D", "xx", "equal jitter"),
    "full": Look(BLUE, "-", "^", "\\\\", "full jitter"),
    "decorrelated": Look(GREEN, ":", "v", "..", "decorrelated jitter"),
}
_OTHERS = (
    Look(BLUE, "-", "o", ""),
    Look(ORANGE, "--", "s", "//"),
    Look(GREEN, "-.", "^", "xx"),
    Look(PURPLE, ":", "D", ".."),
    Look(SKY, "-", "v", "\\\\"),
    Look(VERMILION, "--", "P", "++"),
)


def look(name: str, place: int = 0) -> Look:
    """The look of a known series, or one of six for the series at this place."""
    return SERIES.get(name) or _OTHERS[place % len(_OTHERS)]


_SIZES: dict[Any, Any] = {"font.size": 11, "axes.titlesize": 12, "axes.labelsize": 11, "hatch.linewidth": 0.6}


def canvas(
    width: float = 9.6, height: float = 3.8, rows: int = 1, columns: int = 1, **kwargs: Any
) -> tuple[Figure, list[Axes]]:
    """A figure in inches and its axes, row by row; text is readable at 1280 pixels."""
    kwargs.setdefault("layout", "constrained")
    with plt.rc_context(_SIZES):
        fig, grid = plt.subplots(rows, columns, figsize=(width, height), dpi=100, squeeze=False, **kwargs)
    axes = [cell for row in grid for cell in row]
    for cell in axes:
        cell.spines[["top", "right"]].set_visible(False)
        cell.grid(axis="y", color=PALE, linewidth=0.8)
        cell.set_axisbelow(True)
    return fig, axes


def closed(fig: Figure) -> Figure:
    """Take the figure out of pyplot's list, so that a notebook shows it once and memory is freed."""
    plt.close(fig)
    return fig
