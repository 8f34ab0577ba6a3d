"""The shape chooser and the cache's break-even, with controls.

A rule of thumb is learned by finding the place where it turns::

    shape_panel()          # describe the work, read the shape and its reasons
    break_even_panel()     # the prefix, and how often it is used
"""

from __future__ import annotations

from labkit.costs import RateCard
from labkit.lab.figures.shapes import break_even as draw_break_even
from labkit.lab.present import Picture, Table, facts
from labkit.lab.shapecosts import (
    FIVE_MINUTES,
    NO_CACHE,
    ONE_HOUR,
    break_even,
    break_even_table,
    pays_from,
)
from labkit.lab.widgets.base import Explore, Item, Sorter, checkbox, slider
from labkit.shapes import Shape, Workload, choose

SHAPES = tuple(shape.value for shape in Shape)
#: What has to be given a shape, as people describe it.
WORKLOADS = {
    "a long draft that Luna reads while it is written": Workload(
        reads_along=True, one_object=False, call_s=20
    ),
    "one validated decision for the screen": Workload(),
    "50,000 log records, by tomorrow": Workload(records=50_000, someone_waits=False, can_wait_s=86_400),
    "2,000 policy evaluations, within the hour": Workload(
        records=2_000, someone_waits=False, can_wait_s=3_600
    ),
    "decisions all day, each with the same 4,000 tokens of policy first": Workload(
        prefix_tokens=4_000, uses_every_s=10
    ),
}


def asked_for(work: Workload) -> str:
    """The shape that stands out: the cache, where there is one."""
    return choose(work).shapes[-1].value


def shape_sorter() -> Sorter:
    """The five workloads, to be sorted into shapes."""
    items = [
        Item(label, asked_for(work), choose(work).reasons[-1 if choose(work).cached else 0])
        for label, work in WORKLOADS.items()
    ]
    return Sorter("Which shape does each of these want?", SHAPES, items, name="13-shapes")


def choices_table() -> Table:
    """What the chooser says of the same five, with its reasons."""
    return Table(
        [
            {
                "work": label,
                "shape": " + ".join(choose(work).shapes),
                "because": "; ".join(choose(work).reasons),
            }
            for label, work in WORKLOADS.items()
        ]
    )


def shape_panel() -> Explore:
    """Describe the work; read the shape, the reasons and what to watch out for."""

    def draw(
        *, records: int, waits: bool, reads: bool, whole: bool, call: int, hours: int, prefix: int, every: int
    ) -> Table:
        work = Workload(records, waits, reads, whole, float(call), hours * 3600.0, prefix, float(every))
        choice = choose(work)
        told = {"because": "; ".join(choice.reasons), "watch out": "; ".join(choice.watch_out)}
        return facts({"shape": " + ".join(choice.shapes), **told})

    return Explore(
        draw,
        question="Which shape, and why?",
        records=slider("Records", 1, 50_000, 1),
        waits=checkbox("Somebody waits", value=True),
        reads=checkbox("A person reads along", value=False),
        whole=checkbox("Only the whole answer is of use", value=True),
        call=slider("Seconds for a call", 1, 60, 2),
        hours=slider("Hours it can wait", 0, 48, 0),
        prefix=slider("Tokens of common prefix", 0, 8_000, 0, 500),
        every=slider("Seconds between uses of it", 1, 600, 60),
    )


def break_even_picture(prefix: int, card: RateCard | None = None) -> tuple[Picture, Table]:
    """The plot, and its numbers."""
    costs = break_even(prefix, card or RateCard.illustrative())
    turns = {kept: pays_from(costs, kept) for kept in (FIVE_MINUTES, ONE_HOUR)}
    see = (
        f"the first use with a cache is dearer; kept for 5 minutes it pays from use {turns[FIVE_MINUTES]}, "
        f"kept for an hour from use {turns[ONE_HOUR]}."
    )
    lines = {name: [float(cost * 1000) for cost in line] for name, line in costs.items()}
    ends = "; ".join(f"{name} ends at {line[-1]:.2f}" for name, line in lines.items())
    alt = f"Three rising lines, {NO_CACHE} the steepest. In thousandths of a dollar: {ends}."
    figure = draw_break_even(lines, "prefix, thousandths of a dollar")
    return Picture(figure, see=see, alt=alt), break_even_table(costs)


def break_even_panel() -> Explore:
    """Change the prefix; the place where the lines cross does not move."""
    return Explore(
        break_even_picture,
        question="From how many uses on does the cache pay?",
        prefix=slider("Tokens of prefix", 1_024, 16_384, 4_096, 512),
    )
