"""The widgets of lessons 05 to 07: what a hand on a control changes, and what a wrong choice is told."""

from __future__ import annotations

from itertools import permutations

import pytest

from labkit.failures import Advice, Kind
from labkit.lab import budget
from labkit.lab.provider.faults import FAULTS
from labkit.lab.widgets.deadline import deadline_panel, one_call
from labkit.lab.widgets.failures import CASES, CONSEQUENCES, failure_sorter
from labkit.lab.widgets.herd import herd_panel, herd_run

# ── the sorter ──────────────────────────────────────────────────────────────────────────────────


def test_ten_failures_and_every_bin_is_used() -> None:
    """Ten cases, each a fault that the practice provider can play, and no advice without a case."""
    assert len(CASES) == 10
    assert {case.advice for case in CASES} == set(Advice)
    assert all(case.fault in FAULTS for case in CASES)
    assert len({case.label for case in CASES}) == 10


def test_the_same_status_has_two_places() -> None:
    """The point of the lesson: 429s stand in two bins."""
    places = {case.advice for case in CASES if case.label.startswith("429")}

    assert places == {Advice.RETRY, Advice.FIX_QUOTA}


def test_every_wrong_choice_has_its_own_answer() -> None:
    """Twelve ways to be wrong, twelve consequences, none of them said twice."""
    assert set(CONSEQUENCES) == set(permutations(Advice, 2))
    assert len(set(CONSEQUENCES.values())) == len(CONSEQUENCES)


@pytest.mark.parametrize("choice", Advice)
def test_a_wrong_choice_is_told_what_it_would_have_done(choice: Advice) -> None:
    """Sort all ten into one bin: the right ones are confirmed, the others get their consequence."""
    sorter = failure_sorter()
    sorter.commit({case.label: str(choice) for case in CASES})

    for case, row in zip(CASES, sorter.answers.rows, strict=True):
        assert row["where"] == case.advice
        assert row["why"].endswith(case.because)
        right = case.advice is choice
        assert row["you said"].startswith("✓" if right else "✗")
        assert right or row["why"].startswith(CONSEQUENCES[choice, case.advice])


# ── the budget bar ──────────────────────────────────────────────────────────────────────────────


def test_the_parts_of_a_call_fill_its_deadline() -> None:
    """Attempts and waits follow each other without a gap, and end with the call or with what was left."""
    for record in (one_call(15, 10, 12), one_call(1, 10, 12), one_call(15, 2, 12, retries=1)):
        parts = budget.segments("call", record, 12)

        assert parts[0].start_s == 0
        assert parts[-1].end_s == 12
        assert [part.end_s for part in parts[:-1]] == [part.start_s for part in parts[1:]]


def test_three_timeouts_of_ten_keep_a_person_waiting_for_half_a_minute() -> None:
    """Without a deadline over the call: three attempts of 10 s and waits of 0.5 and 1 s."""
    record = one_call(15, 10, deadline_s=300)

    assert (record.latency_ms, record.status) == (31_500, Kind.TIMEOUT)
    assert "attempt 3 21.5 to 31.5 s" in budget.bar({"no deadline": record}, 12).alt


def test_moving_the_deadline_moves_the_end() -> None:
    """The panel's callback runs the call again; the table says where the time went."""
    panel = deadline_panel()
    ends = [panel.set(deadline=seconds).parts[1].rows[-1]["to (s)"] for seconds in (12, 11, 5)]

    assert ends == [12.0, 11.0, 5.0]
    assert panel.set(takes=3, deadline=12).parts[1].rows[-1]["how it ended"] == "ok"


# ── the herd ────────────────────────────────────────────────────────────────────────────────────


def test_the_herd_panel_follows_its_sliders() -> None:
    """More capacity, more finish without jitter; no retries, and what fits into the burst is all."""
    panel = herd_panel()
    table = panel.parts[1].rows
    assert [row["finished"] for row in table] == ["60 of 200", "200 of 200", "200 of 200", "200 of 200"]

    panel.set(callers=50, retries=0)
    assert [row["finished"] for row in panel.parts[1].rows] == ["6 of 50"] * 4
    assert [row["attempts"] for row in panel.parts[1].rows] == [50] * 4


def test_a_base_above_the_cap_is_taken_as_the_cap() -> None:
    """Sliders can be moved anywhere; the panel never shows a traceback."""
    panel = herd_panel()

    assert panel.set(base=2000, cap=1, callers=20).parts


def test_the_shown_seed_is_a_typical_one() -> None:
    """Full jitter ends first in 26 of 30 seeds; the one that the lesson shows is one of those."""
    _, summary = herd_run()
    ends = summary.set_index("policy")["last_answer_s"].drop("none")

    assert ends.idxmin() == "full"
