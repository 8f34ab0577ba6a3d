"""The plots of deadlines, schedules and herds: labelled, distinct without colour, and closed."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.figure import Figure

from labkit.lab import jitter
from labkit.lab.figures.deadline import Segment, budget_bar
from labkit.lab.figures.herd import herd
from labkit.lab.figures.schedules import schedules
from labkit.lab.figures.style import SERIES


def _schedules() -> Figure:
    return schedules(jitter.waits(retries=4, clients=5))


def _herd() -> Figure:
    rows = [("none", 0.0)] * 30 + [("full", 0.1 * n) for n in range(30)]
    return herd(pd.DataFrame(rows, columns=["policy", "at_s"]), capacity_per_s=20, notes={"full": "peak 1"})


def _budget() -> Figure:
    return budget_bar(
        [
            Segment("call", "failed attempt", 0, 10, "attempt 1"),
            Segment("call", "wait", 10, 10.5),
            Segment("call", "unused", 10.5, 12),
        ],
        deadline_s=12,
    )


@pytest.mark.parametrize("draw", [_schedules, _herd, _budget])
def test_every_plot_has_labelled_axes_and_leaves_pyplot_empty(draw) -> None:
    """Axes name their unit, and the figure is not kept open behind the notebook's back."""
    fig = draw()

    labels = [axes.get_xlabel() for axes in fig.axes] + [axes.get_ylabel() for axes in fig.axes]
    assert any("second" in label or "retry" in label for label in labels)
    assert plt.get_fignums() == []


def test_series_differ_without_colour() -> None:
    """No two jitters that meet in one plot share a line style and a marker."""
    shown = [SERIES[name] for name in ("none", "quarter", "equal", "full", "decorrelated")]

    assert len({(style.dashes, style.marker) for style in shown}) == len(shown)
    assert len({style.hatch for style in shown}) == len(shown)


def test_the_herd_counts_every_attempt() -> None:
    """The heights of a band, above its floor and off the log scale, add up to the attempts of its policy."""
    bands = [patch.get_data() for patch in _herd().axes[0].patches]

    counts = [sum(10 ** (band.values - band.baseline) - 1) for band in bands]  # noqa: PD011 - not a frame
    assert [round(count) for count in counts] == [30, 30]


def test_the_budget_bar_marks_the_deadline() -> None:
    """The dashed line stands at the deadline, and the parts end where their segments end."""
    (axes,) = _budget().axes

    assert axes.lines[0].get_xdata()[0] == 12
    assert max(bar.get_x() + bar.get_width() for bar in axes.patches) == 12


def test_waits_stay_under_the_ceiling_that_is_drawn() -> None:
    """No dot stands above its line, in any panel."""
    frame = jitter.waits(base=0.5, cap=8, retries=8, clients=30, jitters=tuple(jitter.JITTERS), seed=2)

    assert (frame["delay_s"] <= frame["ceiling_s"]).all()
