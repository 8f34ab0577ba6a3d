"""Sliders over a herd: callers, capacity, retries, base and cap, under four jitters at once.

The parameters of a backoff are usually copied from somewhere. Here each can be moved, and two thousand
real flows run again before the hand has left the mouse::

    herd_panel()
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from labkit.lab.case import TASK
from labkit.lab.figures.herd import herd
from labkit.lab.figures.style import SERIES
from labkit.lab.present import Picture, Shown, Table
from labkit.lab.station import Provider
from labkit.lab.widgets.base import Explore, slider
from labkit.lab.world import Crowd, compare, jitter_policies

BURST = 6.0
LONG_S = 300.0  # nobody's deadline ends these runs; the retries do


def herd_run(
    *,
    callers: int = 200,
    capacity: float = 20.0,
    retries: int = 9,
    base_s: float = 0.5,
    cap_s: float = 8.0,
    seed: int = 4,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One herd under four jitters: all attempts, and a summary row for each jitter.

    All callers start at once. The provider serves `capacity` a second, at most six of them at once.
    """
    task = replace(TASK, max_retries=retries, timeout_seconds=LONG_S)
    provider = Provider(per_second=capacity, burst=BURST)
    return compare(jitter_policies(base_s, cap_s), Crowd(callers, task=task), provider, seed=seed)


def herd_picture(attempts: pd.DataFrame, summary: pd.DataFrame, capacity: float, see: str = "") -> Picture:
    """The waves of each jitter under each other, with the numbers beside."""
    rows = summary.to_dict("records")
    notes = {str(row["policy"]): _note(row) for row in rows}
    told = "; ".join(f"{SERIES[name].title}: {note}" for name, note in notes.items())
    return Picture(
        herd(attempts, capacity, notes=notes),
        see=see or "without jitter the waves stay as tall as they were; the wider the jitter, the flatter.",
        alt=f"Attempts per 100 ms over time, one panel for each jitter. {told}.",
    )


def _note(row: Mapping[Any, Any]) -> str:
    peak, end = row["retry_peak"], row["last_answer_s"]
    last = "no answer" if end is None else f"last answer after {end:.1f} s"
    done = f"{row['finished']} of {row['callers']} finished · {row['attempts']} attempts"
    return f"{done} · retry peak {peak} · {last}"


def herd_table(summary: pd.DataFrame) -> Table:
    """What each jitter came to. The first wave is everybody's, so the retries have a peak of their own."""
    return Table(
        [
            {
                "jitter": SERIES[str(row["policy"])].title,
                "finished": f"{row['finished']} of {row['callers']}",
                "attempts": row["attempts"],
                "most attempts in 100 ms": row["peak"],
                "most retries in 100 ms": row["retry_peak"],
                "last answer (s)": None if row["last_answer_s"] is None else round(row["last_answer_s"], 1),
            }
            for row in summary.to_dict("records")
        ]
    )


def _draw(callers: int, capacity: int, retries: int, base: int, cap: int) -> tuple[Shown, Shown]:
    base_s = min(base / 1000, cap)
    attempts, summary = herd_run(
        callers=callers, capacity=capacity, retries=retries, base_s=base_s, cap_s=cap
    )
    return herd_picture(attempts, summary, capacity), herd_table(summary)


def herd_panel() -> Explore:
    """The herd, with everything to move."""
    return Explore(
        _draw,
        question="What do the callers do to the provider, and to each other?",
        callers=slider("Callers, all at once", 10, 200, 200, 10),
        capacity=slider("The provider serves (a second)", 5, 100, 20, 5),
        retries=slider("Retries of each caller", 0, 10, 9),
        base=slider("Base (ms)", 100, 2000, 500, 100),
        cap=slider("Cap (s)", 1, 32, 8),
    )
