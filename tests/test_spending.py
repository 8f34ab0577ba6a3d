"""Budgets: reserved before, settled after, over threads and processes."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.costs import RateCard, UnknownModel, cost
from labkit.spending import Budget, BudgetExceeded, BudgetUnavailable, worst_cost
from labkit.usage import CostError, Usage

D = Decimal


def test_a_call_reserves_before_and_settles_after() -> None:
    """What is reserved is out of reach until the true cost is known, and then the rest comes back."""
    budget = Budget("day", D("1.00"))

    with budget.hold(D("0.40")) as hold:
        assert budget.state().left == D("0.60")
        hold.settle(D("0.1"))

    assert budget.state().spent == D("0.1")
    assert budget.state().left == D("0.90")


def test_a_call_that_does_not_fit_is_refused_with_the_numbers() -> None:
    """The error names what is left and what was wanted, and the budget is as it was."""
    budget = Budget("day", D("1.00"))
    budget.reserve(D("0.7"))

    with pytest.raises(BudgetExceeded, match=r"0\.3 of 1 left .* needs 0\.31"):
        budget.reserve(D("0.31"))
    assert budget.state().reserved == D("0.7")


def test_the_last_cent_can_be_spent() -> None:
    """A reservation of exactly what is left is granted."""
    budget = Budget("day", D("0.3"))
    budget.reserve(D("0.1"))

    assert budget.reserve(D("0.2")).amount == D("0.2")


def test_an_unknown_cost_keeps_the_whole_reservation() -> None:
    """A call whose usage was lost may have been billed, so nothing comes back."""
    budget = Budget("day", D(1))

    budget.reserve(D("0.25")).settle(None)

    assert budget.state().spent == D("0.25")


def test_a_crashed_call_keeps_the_whole_reservation() -> None:
    """An exception inside the hold counts as spent, not as free."""
    budget = Budget("day", D(1))

    with pytest.raises(ZeroDivisionError), budget.hold(D("0.25")):
        _ = 1 / 0

    assert budget.state().spent == D("0.25")


def test_a_call_that_was_never_sent_costs_nothing() -> None:
    """Released reservations come back whole."""
    budget = Budget("day", D(1))

    budget.reserve(D("0.25")).release()

    assert (budget.state().spent, budget.state().reserved) == (0, 0)


def test_a_hold_settles_once() -> None:
    """A repeated settlement would count one call twice, so it is refused."""
    budget = Budget("day", D(1))
    hold = budget.reserve(D("0.25"))
    hold.settle(D("0.2"))

    with pytest.raises(CostError, match="settled before"):
        hold.settle(D("0.2"))
    assert budget.state().spent == D("0.2")


def test_a_call_that_cost_more_than_reserved_is_booked_in_full() -> None:
    """Truth before limit: the overrun shows as a negative rest, and the next call is refused."""
    budget = Budget("day", D(1))
    budget.reserve(D("0.9")).settle(D("1.5"))

    assert budget.state().left == D("-0.5")
    with pytest.raises(BudgetExceeded):
        budget.reserve(D(0))


def test_names_do_not_share_money(tmp_path: Path) -> None:
    """Two budgets in one file are two budgets, so a new day starts afresh."""
    file = tmp_path / "spending.db"
    Budget("monday", D(1), path=file).reserve(D(1))

    assert Budget("tuesday", D(1), path=file).state().left == 1


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    """A budget opened again has what was spent and what is still reserved."""
    file = tmp_path / "spending.db"
    before = Budget("day", D(1), path=file)
    before.reserve(D("0.1")).settle(D("0.1"))
    before.reserve(D("0.2"))

    after = Budget("day", D(1), path=file).state()
    assert (after.spent, after.reserved) == (D("0.1"), D("0.2"))


def test_reservations_of_the_dead_are_written_off(tmp_path: Path) -> None:
    """A hold older than any call can last is booked as spent; a young one stays reserved."""
    now = [1000.0]
    budget = Budget("day", D(1), path=tmp_path / "s.db", clock=lambda: now[0])
    budget.reserve(D("0.1"))
    now[0] += 300
    budget.reserve(D("0.2"))

    assert budget.write_off(older_than_s=120) == 1
    assert (budget.state().spent, budget.state().reserved) == (D("0.1"), D("0.2"))


def _spend(file: Path, won: Any) -> None:
    budget = Budget("day", D("1.00"), path=file)
    for _ in range(40):
        try:
            with budget.hold(D("0.02")) as hold:
                hold.settle(D("0.01"))
        except BudgetExceeded:
            return
        with won.get_lock():
            won.value += 1


def test_processes_together_never_overspend(tmp_path: Path) -> None:
    """Four processes want 160 calls of a cent; 99 or fewer fit and the total is exact."""
    context = multiprocessing.get_context("spawn")
    won = context.Value("i", 0)
    workers = [context.Process(target=_spend, args=(tmp_path / "s.db", won)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    state = Budget("day", D("1.00"), path=tmp_path / "s.db").state()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert state.spent == D("0.01") * won.value
    assert state.reserved == 0
    assert 96 <= won.value <= 99


def test_threads_together_never_overspend() -> None:
    """Eight threads on one budget end with the exact total."""
    budget = Budget("day", D(100))

    def work() -> None:
        for _ in range(50):
            budget.reserve(D("0.1")).settle(D("0.1"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert budget.state().spent == D(40)


@given(amounts=st.lists(st.integers(min_value=0, max_value=10**12), max_size=30))
def test_totals_are_exact(amounts: list[int]) -> None:
    """Any run of settlements sums to the last digit."""
    budget = Budget("day", D(10**10))
    for units in amounts:
        budget.reserve(D(units).scaleb(-9)).settle(D(units).scaleb(-9))

    assert budget.state().spent == D(sum(amounts)).scaleb(-9)


@pytest.mark.parametrize("amount", [0.1, D("NaN"), D("-1"), 1, D("Infinity")])
def test_amounts_are_finite_decimals(amount: Any) -> None:
    """A float, an int, a NaN or a negative amount is refused by name."""
    with pytest.raises(CostError, match=r"wanted a Decimal of 0 or more"):
        Budget("day", D(1)).reserve(amount)


def test_an_unusable_file_refuses_to_spend(tmp_path: Path) -> None:
    """A budget that cannot be written gives a named error, never free spending."""
    broken = tmp_path / "s.db"
    broken.write_bytes(b"this is no database, it is a text that is long enough" * 40)

    with pytest.raises(BudgetUnavailable, match=r"'s\.db'.*writable local disk") as caught:
        Budget("day", D(1), path=broken).reserve(D("0.1"))
    assert isinstance(caught.value.__cause__, sqlite3.Error)


CARD = RateCard.illustrative()


@given(read=st.integers(0, 1000), written=st.integers(0, 1000), hour=st.integers(0, 1000))
def test_no_split_of_the_input_costs_more_than_the_worst_case(read: int, written: int, hour: int) -> None:
    """However the cache splits the prompt, the call stays within its reservation."""
    usage = Usage(
        input_tokens=3000 - read - written - hour,
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=hour,
        output_tokens=400,
    )

    assert cost(usage, "practice-model", CARD) <= worst_cost(3000, 400, "practice-model", CARD)


def test_the_worst_case_counts_every_attempt() -> None:
    """Three attempts may each be billed."""
    once = worst_cost(1000, 100, "practice-model", CARD)

    assert once == D("0.0046")
    assert worst_cost(1000, 100, "practice-model", CARD, attempts=3) == once * 3


def test_the_worst_case_of_an_unknown_model_is_refused() -> None:
    """What cannot be priced cannot be reserved."""
    with pytest.raises(UnknownModel):
        worst_cost(1, 1, "no-such-model", CARD)
