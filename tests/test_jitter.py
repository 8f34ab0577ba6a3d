"""The jitter experiment agrees with the published one, and with itself."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.lab import jitter


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    """Our table beside the published one, a row for each size and strategy."""
    return jitter.against_reference(jitter.table(trials=100, seed=0)).set_index(["clients", "strategy"])


@pytest.mark.parametrize("strategy", jitter.STRATEGIES)
@pytest.mark.parametrize("clients", [50, 100, 190])
def test_every_cell_agrees_with_the_published_simulator(
    published: pd.DataFrame, clients: int, strategy: str
) -> None:
    """From 50 clients on, calls are within 3% of the published mean and time within 8%."""
    cell = published.loc[(clients, strategy)]

    assert abs(cell["calls_off"]) <= 3, cell
    assert abs(cell["ms_off"]) <= 8, cell


def test_no_waiting_is_fastest_and_makes_the_most_calls(
    published: pd.DataFrame,
) -> None:
    """Not waiting always finishes first, and always at the price of the most writes."""
    for clients in jitter.SIZES:
        row = published.loc[clients]

        assert row["ms"].idxmin() == "none"
        # At 10 clients "none" and "exponential" tie: nobody has had time to spread out.
        assert row["calls"]["none"] >= row["calls"].max() - 0.5


def test_at_190_equal_jitter_works_no_harder_than_full_and_decorrelated_is_slower(
    published: pd.DataFrame,
) -> None:
    """The ranking of the jitters is not the same at every size: read the row you are in."""
    row = published.loc[190]

    assert row["calls"]["equal"] <= row["calls"]["full"]
    assert row["ms"]["decorrelated"] > row["ms"]["full"]
    assert row["ms"]["equal"] > row["ms"]["full"]


@pytest.mark.parametrize("strategy", jitter.STRATEGIES)
@given(clients=st.integers(1, 30), seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_a_contest_is_its_seed(strategy: str, clients: int, seed: int) -> None:
    """One seed gives one history, and the k-th to finish lost at most the k - 1 races before it."""
    run = jitter.contest(clients, strategy, seed)

    assert run == jitter.contest(clients, strategy, seed)
    assert clients <= run.writes <= clients * (clients + 1) // 2


def test_one_client_never_waits() -> None:
    """Without rivals there is one write, and three messages of about 10 ms."""
    for strategy in jitter.STRATEGIES:
        run = jitter.contest(1, strategy, seed=3)

        assert run.writes == 1
        assert 15 < run.finished_ms < 50


def test_two_processes_give_the_table_of_one() -> None:
    """Workers change how long the table takes, and nothing in it."""
    alone = jitter.table((5, 10), ("none", "full"), trials=3, seed=4)
    shared = jitter.table((5, 10), ("none", "full"), trials=3, seed=4, workers=2)

    pd.testing.assert_frame_equal(alone, shared)


def test_a_wrong_name_or_size_is_told() -> None:
    """The message names the value seen and the values wanted."""
    with pytest.raises(ValueError, match=r"'fulll'; it must be one of none, exponential"):
        jitter.contest(3, "fulll")
    with pytest.raises(ValueError, match=r"clients is 0; it must be at least 1"):
        jitter.contest(0, "full")


def test_the_pivot_reads_like_the_published_table() -> None:
    """A row for each size and a cell `calls / ms` for each strategy, in the order asked for."""
    wide = jitter.pivot(jitter.table((1,), ("none", "full"), trials=1))

    assert list(wide.columns) == ["none", "full"]
    assert wide.loc[1, "full"].startswith("1 / ")
