"""A call in three lanes. Spans are bars, moments are marks; a failed attempt is hatched as well as red.

lanes(record)             # the whole call
lanes(record, upto=4)     # the first four events dark, the rest pale
"""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from labkit.lab.figures.style import BLACK, BLUE, GREEN, GREY, PALE, VERMILION, canvas, closed
from labkit.lab.timeline import LANES, OPERATIONS, Event, events
from labkit.records import CallRecord

_MARKS = {"receive": "o", "classify": "s", "gate": "D", "answer": "o", "failure": "X", "record": "P"}
_NARROWEST = 0.012  # of the width: an attempt of a few milliseconds beside a wait of a second is still seen


def lanes(record: CallRecord, upto: int | None = None) -> Figure:
    """Draw the call; events from number `upto` on are still to come and drawn pale."""
    found = events(record)
    end = max(record.latency_ms, 1.0)
    fig, (axes,) = canvas(9.2, 3.0)
    for number, event in enumerate(found):
        come = upto is None or number < upto
        if event.lasts_ms:
            _span(axes, event, end, come=come)
        else:
            _mark(axes, event, found, end, come=come)
    axes.set_yticks(range(len(LANES)), LANES)
    axes.set_ylim(len(LANES) - 0.3, -0.6)
    axes.set_xlim(-0.03 * end, 1.04 * end)
    axes.set_xlabel("milliseconds since the product asked")
    axes.grid(visible=False)
    axes.hlines(range(len(LANES)), -0.03 * end, 1.04 * end, color=PALE, linewidth=0.8, zorder=0)
    return closed(fig)


def _span(axes: Axes, event: Event, end: float, *, come: bool) -> None:
    place = LANES.index(event.lane)
    colour, hatch = (BLUE, "..") if event.what == "wait" else (GREEN, "") if event.good else (VERMILION, "//")
    wide = max(event.lasts_ms, _NARROWEST * end)
    axes.barh(
        place,
        wide,
        left=event.at_ms,
        height=0.5,
        facecolor=colour if come else PALE,
        hatch=hatch,
        edgecolor="white",
        linewidth=0.5,
    )
    if come:
        _label(axes, event.short, event.at_ms + wide / 2, place, end)


def _mark(axes: Axes, event: Event, found: tuple[Event, ...], end: float, *, come: bool) -> None:
    place = LANES.index(event.lane)
    # Several things happen at the end of a call: marks of one lane and one time stand beside each other.
    twins = [e for e in found if (e.lane, e.at_ms, e.lasts_ms) == (event.lane, event.at_ms, 0.0)]
    shift = (twins.index(event) - len(twins) + 1) * 14 / 72
    colour = GREY if event.good is None else GREEN if event.good else VERMILION
    axes.plot(
        [event.at_ms],
        [place],
        marker=_MARKS[event.what],
        markersize=10,
        color=colour if come else PALE,
        markeredgecolor=BLACK if come else PALE,
        linestyle="none",
        transform=axes.transData + ScaledTranslation(shift, 0, axes.figure.dpi_scale_trans),
        clip_on=False,
    )
    if come and event is twins[-1]:
        _label(
            axes,
            ", ".join(twin.short for twin in twins),
            event.at_ms,
            place,
            end,
            below=event.lane == OPERATIONS,
        )


def _label(axes: Axes, words: str, x: float, place: float, end: float, *, below: bool = False) -> None:
    side = "left" if x < 0.12 * end else "right" if x > 0.88 * end else "center"
    at, edge = (place + 0.28, "top") if below else (place - 0.28, "bottom")
    axes.text(x, at, words, ha=side, va=edge, fontsize=9.5, color=BLACK)
