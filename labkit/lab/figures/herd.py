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

from labkit.lab.figures.style import BLACK, GREY, canvas, closed, look

_MARKS = (1, 10, 100, 1000)


def herd(
    attempts: pd.DataFrame,
    capacity_per_s: float | None,
    window_s: float = 0.1,
    notes: Mapping[str, str] | None = None,
    until_s: float | None = None,
) -> Figure:
    """One band for each policy, on one scale. Columns: policy, at_s (when an attempt starts).

    Heights are logarithmic, because one tall wave would flatten the rest. The dashed line is what the
    provider can serve in a window. `notes` puts a line of text over the band of a policy.
    """
    policies = list(dict.fromkeys(attempts["policy"]))
    last = until_s or float(attempts["at_s"].max()) + window_s
    edges = np.arange(0, last + window_s, window_s)
    waves = {name: _counts(attempts.loc[attempts["policy"] == name, "at_s"], edges) for name in policies}
    tallest = max(10, *(int(counts.max(initial=1)) for counts in waves.values()))
    band = _height(tallest) * 1.45
    marks = [mark for mark in _MARKS if mark <= tallest]
    # One set of axes and fixed margins: four sets take a slider's whole patience to draw.
    size = 0.75 + 1.25 * len(policies)
    fig, (axes,) = canvas(11.0, size, layout=None)
    fig.subplots_adjust(0.075, 0.55 / size, 0.99, 1 - 0.05 / size)
    floors = [band * place for place in reversed(range(len(policies)))]
    for place, (floor, policy) in enumerate(zip(floors, policies, strict=True)):
        style = look(policy, place)
        heights = floor + np.log10(1 + waves[policy])
        axes.add_artist(StepPatch(heights, edges, baseline=floor, fill=True, facecolor=style.colour, lw=0))
        axes.axhline(floor, color=BLACK, linewidth=0.8)
        top = floor + _height(tallest) * 1.1
        axes.text(last * 0.004, top, style.title or policy, fontsize=11)
        axes.text(last, top, (notes or {}).get(policy, ""), fontsize=10, ha="right")
        if capacity_per_s is not None:
            served = floor + _height(capacity_per_s * window_s)
            axes.axhline(served, color=BLACK, linestyle="--", linewidth=1)
    if capacity_per_s is not None:
        where = floors[0] + _height(capacity_per_s * window_s) + 0.12
        axes.text(last * 0.998, where, "what the provider can serve", ha="right", fontsize=9, color=GREY)
    ticks = [(floor + _height(mark), str(mark)) for floor in floors for mark in marks]
    axes.set_yticks([at for at, _ in ticks], [words for _, words in ticks])
    axes.set_ylim(0, band * len(policies))
    axes.set_xlim(0, last)
    axes.set_xlabel("time since the first attempt (seconds)")
    axes.set_ylabel(f"attempts per {window_s * 1000:.0f} ms (log scale)")
    return closed(fig)


def _counts(at: pd.Series[float], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    # An attempt at 0.3 belongs to the window that begins at 0.3, whatever binary makes of either.
    return np.histogram(at.to_numpy() + 1e-7, bins=edges)[0]


def _height(count: float) -> float:
    return float(np.log10(1 + count))
