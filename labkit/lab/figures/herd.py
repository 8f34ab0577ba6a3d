"""How many attempts reach the provider in each tenth of a second.

An average hides a herd: 200 calls in 20 seconds are 10 a second, or 200 at once and silence after::

    herd(attempts, capacity_per_s=20, window_s=0.1)
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from matplotlib.ticker import NullLocator

from labkit.lab.figures.style import BLACK, GREY, canvas, closed, look

_MARKS = (1, 10, 100, 1000)


def herd(
    attempts: pd.DataFrame,
    capacity_per_s: float | None,
    window_s: float = 0.1,
    notes: Mapping[str, str] | None = None,
    until_s: float | None = None,
) -> Figure:
    """One panel for each policy, on one scale. Columns: policy, at_s (when an attempt starts).

    Heights are logarithmic, because one tall wave would flatten the rest. The dashed line is what the
    provider can serve in a window. `notes` puts a line of text into the panel of a policy.
    """
    policies = list(dict.fromkeys(attempts["policy"]))
    last = until_s or float(attempts["at_s"].max()) + window_s
    edges = np.arange(0, last + window_s, window_s)
    waves = {name: _counts(attempts.loc[attempts["policy"] == name, "at_s"], edges) for name in policies}
    # Fixed margins: working them out afresh costs more than drawing, and a slider redraws often.
    height = 0.85 + 1.25 * len(policies)
    fig, panels = canvas(11.0, height, rows=len(policies), sharex=True, sharey=True, layout=None)
    fig.subplots_adjust(0.075, 0.55 / height, 0.99, 1 - 0.3 / height, hspace=0.42)
    for place, (panel, policy) in enumerate(zip(panels, policies, strict=True)):
        style = look(policy, place)
        # Added by hand: `Axes.stairs` first measures every corner, though the limits are known here.
        panel.add_artist(StepPatch(np.log10(1 + waves[policy]), edges, fill=True, color=style.colour))
        panel.set_title(style.title or policy, loc="left", fontsize=11, pad=3)
        if capacity_per_s is not None:
            panel.axhline(_height(capacity_per_s * window_s), color=BLACK, linestyle="--", linewidth=1)
        if notes and policy in notes:
            panel.set_title(notes[policy], loc="right", fontsize=10, pad=3)
        panel.yaxis.set_minor_locator(NullLocator())
    tallest = max(int(counts.max(initial=1)) for counts in waves.values())
    marks = [mark for mark in _MARKS if mark <= max(10, tallest)]
    panels[0].set_yticks([_height(mark) for mark in marks], [str(mark) for mark in marks])
    panels[0].set_ylim(0, _height(max(10, tallest)) * 1.08)
    panels[0].set_xlim(0, last)
    if capacity_per_s is not None:
        panels[0].text(
            last * 0.998,
            _height(capacity_per_s * window_s) + 0.12,
            "what the provider can serve",
            ha="right",
            fontsize=9,
            color=GREY,
        )
    panels[-1].set_xlabel("time since the first attempt (seconds)")
    fig.supylabel(f"attempts per {window_s * 1000:.0f} ms (log scale)", fontsize=11, x=0.005)
    return closed(fig)


def _counts(at: pd.Series[float], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    # An attempt at 0.3 belongs to the window that begins at 0.3, whatever binary makes of either.
    return np.histogram(at.to_numpy() + 1e-7, bins=edges)[0]


def _height(count: float) -> float:
    return float(np.log10(1 + count))
