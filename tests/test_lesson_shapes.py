"""Lesson 13: what its numbers rest on."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.costs import RateCard
from labkit.lab.connect import connect
from labkit.lab.offline import as_table, awaited_and_streamed, job_that_is_killed, lab_batch, loop_that_dies
from labkit.lab.shapecosts import (
    FIVE_MINUTES,
    NO_CACHE,
    ONE_HOUR,
    Prompts,
    break_even,
    pays_from,
    shape_costs,
)
from labkit.lab.widgets.shapes import (
    break_even_panel,
    choices_table,
    shape_panel,
    shape_sorter,
)
from labkit.shapes import Shape

CARD = RateCard.illustrative()


def test_a_loop_that_dies_keeps_nothing() -> None:
    """Twenty calls arrive at the provider and are paid for; no answer is left."""
    seen = loop_that_dies(connect(), 30, dies_at=20)
    assert (20, 0) == (seen["calls that were paid for"], seen["answers left"])


def test_a_killed_job_goes_on() -> None:
    """Every record is done, and at most one call for each worker was made twice."""
    seen = job_that_is_killed(connect(), 60)
    assert (60, 0) == (seen["done"], seen["failed"])
    assert seen["killed in the middle"]
    assert seen["calls made twice: 2 at most"]


def test_streaming_costs_the_same() -> None:
    """The same tokens and the same bill, in more pieces."""
    awaited, streamed = awaited_and_streamed(connect(card=CARD)).rows
    assert (awaited["tokens out"], awaited["cost"]) == (streamed["tokens out"], streamed["cost"])
    assert 1 == awaited["pieces seen"] < streamed["pieces seen"]


def test_the_lessons_batch_has_errors_and_a_gap() -> None:
    """Out of order, two failed, one in no file; joined by id all twelve have their place."""
    batch = lab_batch(connect(), 12)
    came = [row["custom_id"] for row in batch.files().rows]
    assert sorted(came) != came
    ended = [row["ended"] for row in as_table(batch.items, batch.sorted_out()).rows]
    assert (9, 2, 1) == (ended.count("done"), ended.count("failed"), ended.count("missing"))


def test_five_shapes_have_three_prices() -> None:
    """Streaming and background cost what sync costs, a batch half, a cached prefix a tenth of itself."""
    costs = shape_costs(Prompts(50_000, prefix=1_600, own=400, out=80), CARD)
    assert {shape.value for shape in Shape} == set(costs)
    assert costs["sync"] == costs["stream"] == costs["background"] == 2 * costs["batch"] == Decimal(224)
    assert Decimal("80.00") == costs["cached"].quantize(Decimal("0.01"))


@given(st.integers(1, 100_000))
def test_the_crossing_does_not_depend_on_the_length(prefix: int) -> None:
    """Two uses pay for five minutes, three for an hour, whatever the prefix."""
    costs = break_even(prefix, CARD)
    assert (2, 3) == (pays_from(costs, FIVE_MINUTES), pays_from(costs, ONE_HOUR))
    assert costs[NO_CACHE][0] < costs[FIVE_MINUTES][0] < costs[ONE_HOUR][0]


def test_the_sorter_asks_what_the_chooser_says() -> None:
    """Five workloads, one for each shape, each with a reason."""
    items = shape_sorter().items
    assert {shape.value for shape in Shape} == {item.bin for item in items}
    assert all(item.because for item in items)
    assert 5 == len(choices_table().rows)


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        ({}, "sync"),
        ({"records": 5_000, "waits": False, "hours": 24}, "batch"),
        ({"records": 5_000, "waits": False, "hours": 23}, "background"),
        ({"prefix": 2_000}, "sync + cached"),
        ({"prefix": 1_000}, "sync"),
    ],
)
def test_the_panel_shows_where_the_choice_turns(settings: dict[str, int], shape: str) -> None:
    """One hour less, and a batch is a background job; below 1,024 tokens nothing is cached."""
    panel = shape_panel().set(**settings)
    assert {"field": "shape", "value": shape} == panel.shown.rows[0]


def test_the_break_even_panel_answers_its_slider() -> None:
    """Another length, other costs in the table."""
    panel = break_even_panel()
    before = panel.parts[1].to_text()
    assert before != panel.set(prefix=16_384).parts[1].to_text()
