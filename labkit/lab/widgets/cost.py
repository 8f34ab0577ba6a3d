"""The cost panel: volume, tokens, cache, retries and batch, with bars and a table.

Which lever saves most depends on the traffic, and is felt by turning them::

    cost_panel(Traffic(10_000, 2_000, 300, retried=10))
"""

from __future__ import annotations

from labkit.costs import RateCard
from labkit.lab.figures import cost as figures
from labkit.lab.present import Picture, Table
from labkit.lab.traffic import Traffic, as_table, compare, daily, frame
from labkit.lab.widgets.base import Explore, slider


def lever_picture(traffic: Traffic, card: RateCard, see: str) -> Picture:
    """A bar for the year as it is, and one for each lever alone."""
    costs = compare(traffic, card)
    told = "; ".join(f"{name} {cost:,.0f}" for name, cost in costs.items())
    figure = figures.levers(list(costs), [float(cost) for cost in costs.values()])
    return Picture(figure, see=see, alt=f"Bars of cost a year in USD: {told}.")


def cost_panel(start: Traffic, card: RateCard | None = None) -> Explore:
    """Sliders over a day's traffic."""
    rates = card or RateCard.illustrative()

    def draw(
        *, calls: int, tokens_in: int, tokens_out: int, cached: int, retried: int, batched: int
    ) -> tuple[Picture, Table]:
        traffic = Traffic(calls, tokens_in, tokens_out, cached, retried, batched)
        return _picture(traffic, rates), as_table(traffic, rates)

    return Explore(
        draw,
        question="What does a day cost, and where does the money go?",
        calls=slider("Calls a day", 1_000, 50_000, start.calls_a_day, 1_000),
        tokens_in=slider("Input tokens", 50, 8_000, start.input_tokens, 50),
        tokens_out=slider("Output tokens", 10, 2_000, start.output_tokens, 10),
        cached=slider("Read from cache (% of input)", 0, 90, start.cached, 10),
        retried=slider("Sent again (%)", 0, 50, start.retried, 5),
        batched=slider("In a batch (%)", 0, 100, start.batched, 10),
    )


def _picture(traffic: Traffic, card: RateCard) -> Picture:
    bare = Traffic(traffic.calls_a_day, traffic.input_tokens, traffic.output_tokens)
    cases = {"every call once, at full price": bare, "as it is set": traffic}
    parts = {name: daily(case, card) for name, case in cases.items()}
    told = "; ".join(f"{name}: {float(sum(cost.values())):,.2f}" for name, cost in parts.items())
    largest = max(parts["as it is set"].items(), key=lambda item: item[1])[0]
    return Picture(
        figures.bars(frame(cases, card), unit="cost a day (USD)"),
        see=f"the largest part of the lower bar is {figures.BUCKETS[largest].title}.",
        alt=f"Two bars of cost a day in USD, cut into parts. {told}.",
    )
