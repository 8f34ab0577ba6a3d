"""Where the waits of each jitter fall, under the ceiling they share.

The names of jitters say little; the picture says it: without jitter every client stands on the
ceiling, with 75–100% they crowd just under it, with full jitter they fill the whole space below::

    schedules(waits(base=1.0, cap=20.0, retries=6))
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from labkit.lab.figures.style import BLACK, canvas, closed, look


def schedules(frame: pd.DataFrame) -> Figure:
    """One panel for each jitter. Columns: jitter, client, retry, ceiling_s, delay_s (see `jitter.waits`)."""
    names = list(dict.fromkeys(frame["jitter"]))
    fig, panels = canvas(12.0, 3.6, columns=len(names), sharey=True)
    for panel, name in zip(panels, names, strict=True):
        part = frame[frame["jitter"] == name]
        tops = part.groupby("retry")["ceiling_s"].first()
        # Clients are set side by side within their retry, so that equal waits do not hide each other.
        place = part["client"] / max(1, part["client"].max()) - 0.5
        style = look(name)
        panel.scatter(
            part["retry"] + 0.6 * place,
            part["delay_s"],
            s=16,
            color=style.colour,
            marker=style.marker,
            alpha=0.7,
            linewidths=0,
        )
        for retry, top in tops.items():
            number = float(np.asarray(retry))
            panel.hlines(top, number - 0.42, number + 0.42, color=BLACK, linewidth=1.5)
        panel.set_title(style.title or name)
        panel.set_xlabel("retry number")
        panel.set_xticks(list(tops.index))
    panels[0].set_ylabel("wait (seconds)")
    panels[0].set_ylim(0, float(frame[["ceiling_s", "delay_s"]].max().max()) * 1.12)
    top = float(frame["ceiling_s"].max())
    panels[0].annotate(
        "ceiling", (float(frame["retry"].max()), top), (0, 3), textcoords="offset points", ha="center"
    )
    return closed(fig)
