"""Where a network cut a stream, and where its events end: two rows over the same bytes.

strip(chunks, events)             # lengths in bytes
strip(chunks, events, upto=3)     # the first three chunks have come, the rest is pale
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labkit.lab.figures.style import BLACK, BLUE, GREEN, GREY, PALE, canvas, closed

ROWS = ("chunks", "events")


def strip(chunks: Sequence[int], events: Sequence[int], upto: int | None = None) -> Figure:
    """Draw both rows. An event is filled once its last byte has come, and hatched while part of it waits."""
    come = sum(chunks if upto is None else chunks[:upto])
    fig, (axes,) = canvas(9.2, 2.0)
    _row(axes, 0, chunks, come, BLUE)
    _row(axes, 1, events, come, GREEN)
    axes.axvline(come, color=BLACK, linewidth=1.2, linestyle="--")
    axes.set_yticks(range(len(ROWS)), ROWS)
    axes.set_ylim(len(ROWS) - 0.4, -0.6)
    axes.set_xlim(0, max(1, sum(chunks), sum(events)))
    axes.set_xlabel("bytes of the response")
    axes.grid(visible=False)
    return closed(fig)


def _row(axes: Axes, place: int, lengths: Sequence[int], come: int, colour: str) -> None:
    start = 0
    for length in lengths:
        end = start + length
        waits = start < come < end
        axes.barh(
            place,
            length,
            left=start,
            height=0.6,
            facecolor=colour if end <= come else PALE,
            hatch="////" if waits else "",
            edgecolor="white" if end <= come else GREY,
            linewidth=1.0,
        )
        start = end
