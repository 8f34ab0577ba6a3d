"""What calls cost, as bars: by task, and before and after a change.

A table of six decimals hides which part is large. A bar cut into its buckets shows where the money
goes, and with it which lever can save any::

    bars(frame(costs))                       # tidy: task, bucket, cost
    levers(["as it is", "cache", "batch"], [3577.0, 2701.0, 1788.5])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from labkit.lab.figures.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, Look, canvas, closed

if TYPE_CHECKING:
    import pandas as pd

#: How each bucket of a bill is drawn, and what it is called.
BUCKETS: dict[str, Look] = {
    "input": Look(BLUE, "-", "o", "", "input"),
    "cache_read": Look(SKY, "-", "o", "..", "cache read"),
    "cache_write": Look(GREEN, "-", "o", "xx", "cache write"),
    "cache_write_1h": Look(PURPLE, "-", "o", "++", "cache write, 1 h"),
    "output": Look(ORANGE, "-", "o", "//", "output"),
    "retries": Look(VERMILION, "-", "o", "\\\\", "retries"),
}


def bars(costs: pd.DataFrame, unit: str = "cost (USD)") -> Figure:
    """One bar for each task (or case), cut into the buckets that cost anything."""
    names = list(dict.fromkeys(costs["task"]))
    fig, (axes,) = canvas(9.6, 1.7 + 0.55 * len(names))
    left = dict.fromkeys(names, 0.0)
    used = []
    for bucket, look in BUCKETS.items():
        part = costs[costs["bucket"] == bucket]
        amounts = dict(zip(part["task"], part["cost"].astype(float), strict=True))
        if not any(amounts.values()):
            continue
        used.append(
            axes.barh(names, [amounts.get(n, 0.0) for n in names], left=list(left.values()), **look.bar)
        )
        used[-1].set_label(look.title)
        left = {name: left[name] + amounts.get(name, 0.0) for name in names}
    for place, name in enumerate(names):
        axes.annotate(
            _short(left[name]), (left[name], place), (4, 0), textcoords="offset points", va="center"
        )
    axes.set_xlim(0, max([*left.values(), 1e-12]) * 1.15)
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    axes.grid(visible=False)
    if used:
        fig.legend(handles=used, loc="outside lower center", ncols=min(6, len(used)), frameon=False)
    return closed(fig)


def levers(names: Sequence[str], costs: Sequence[float], unit: str = "cost a year (USD)") -> Figure:
    """A bar for the present cost and one for each lever alone, with what it saves beside it."""
    fig, (axes,) = canvas(9.6, 1.2 + 0.5 * len(names))
    now = costs[0]
    for place, (name, cost) in enumerate(zip(names, costs, strict=True)):
        look = Look(BLUE, "-", "o", "") if place == 0 else Look(ORANGE, "-", "o", "//")
        axes.barh(name, cost, **look.bar)
        saved = "" if place == 0 or not now else f"  ({(cost - now) / now:+.1%})".replace("-", "−")
        axes.text(max(costs) * 1.03, place, f"{cost:,.2f}{saved}", va="center")
    axes.axvline(now, color=BLACK, linestyle=":", linewidth=1.2)
    axes.set_xlim(0, max([*costs, 1e-12]) * 1.3)
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    axes.grid(visible=False)
    return closed(fig)


def _short(cost: float) -> str:
    return f"{cost:,.2f}" if cost >= 1 else f"{cost:.3g}"
