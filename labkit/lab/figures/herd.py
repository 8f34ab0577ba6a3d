"""How many attempts reach the provider in each tenth of a second.

An average hides a herd: 200 calls in 20 seconds are 10 a second, or 200 at once and silence after::

    herd(attempts, capacity_per_s=20, window_s=0.1)
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from labkit.lab.figures.style import BLACK, GREY, canvas, closed, look


def herd(
    attempts: pd.DataFrame,
    capacity_per_s: float,
    window_s: float = 0.1,
    notes: dict[str, str] | None = None,
    until_s: float | None = None,
) -> Figure:
    """One panel for each policy, on one scale. Columns: policy, at_s (when an attempt starts).

    The dashed line is what the provider can serve in a window. `notes` puts a line of text into the
    panel of a policy, such as its peak and its finish time.
    """
    policies = list(dict.fromkeys(attempts["policy"]))
    last = until_s or float(attempts["at_s"].max()) + window_s
    edges = np.arange(0, last + window_s, window_s)
    fig, panels = canvas(11.0, 0.6 + 1.45 * len(policies), rows=len(policies), sharex=True, sharey=True)
    for place, (panel, policy) in enumerate(zip(panels, policies, strict=True)):
        counts, _ = np.histogram(attempts.loc[attempts["policy"] == policy, "at_s"], bins=edges)
        style = look(policy, place)
        panel.stairs(counts, edges, fill=True, color=style.colour)
        panel.axhline(capacity_per_s * window_s, color=BLACK, linestyle="--", linewidth=1)
        panel.set_title(style.title or policy, loc="left", fontsize=11)
        if notes and policy in notes:
            panel.text(
                0.99, 0.86, notes[policy], transform=panel.transAxes, ha="right", va="top", fontsize=10
            )
    panels[0].annotate(
        "what the provider can serve",
        (last, capacity_per_s * window_s),
        (0, 4),
        textcoords="offset points",
        ha="right",
        fontsize=9,
        color=GREY,
    )
    panels[-1].set_xlabel("time since the first attempt (seconds)")
    fig.supylabel(f"attempts per {window_s * 1000:.0f} ms", fontsize=11)
    # One tall first wave would flatten the rest; a symmetric log keeps 1, 10 and 100 all visible.
    panels[0].set_yscale("symlog", linthresh=1)
    panels[0].set_ylim(0)
    panels[0].set_yticks([1, 10, 100], ["1", "10", "100"])
    panels[0].set_xlim(0, last)
    return closed(fig)
