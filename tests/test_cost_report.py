"""The cost report: usage rows joined to a card, per task, with what has no price said aloud."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from some_records import make_failure, make_record

from labkit.costs import RateCard, cost
from labkit.failures import Kind, LabkitError
from labkit.lab.cost_report import frame, read_rows, render, table, task_costs, total, usage_of
from labkit.lab.figures.cost import bars, levers
from labkit.sinks import JsonlSink, SqliteSink
from labkit.usage import Usage

CARD = RateCard.illustrative()
D = Decimal


def rows(*records: Any) -> list[dict[str, Any]]:
    return [record.as_row() for record in records]


def lessons_call(number: int, **changes: Any) -> Any:
    """250 tokens in, 80 out, at the second attempt."""
    usage = Usage(input_tokens=250, output_tokens=80)
    record = make_record(number, **changes)
    first, second = record.attempts
    answered = replace(second, usage=usage, model=record.model)
    return replace(record, usage=usage, attempts=(first, answered))


def test_a_days_calls_cost_what_the_lesson_says() -> None:
    """A hundred of the lesson's calls cost $0.098, so its 10,000 a day cost $9.80."""
    (task,) = task_costs(rows(*(lessons_call(n) for n in range(100))), CARD)

    assert task.cost == D("0.098")
    assert (task.buckets["input"], task.buckets["output"]) == (D("0.05"), D("0.048"))


def test_cached_tokens_are_priced_as_cached() -> None:
    """The row's input count includes the cache; the report takes it out again, to the last digit."""
    record = make_record()
    (task,) = task_costs(rows(record), CARD)

    assert usage_of(record.as_row()) == record.usage
    assert task.cost == cost(record.usage, "practice-1", CARD)
    assert task.buckets["cache_read"] == D("0.0000442")


def test_failed_calls_are_not_free() -> None:
    """A rejected answer was generated and billed: it is in the sum, and shown apart."""
    rejected = lessons_call(2, status=Kind.UNSUPPORTED_DECISION, reason="unsupported window")
    (task,) = task_costs(rows(lessons_call(1), rejected), CARD)

    assert (task.calls, task.failed) == (2, 1)
    assert task.failed_cost == D("0.00098")
    assert task.cost == D("0.00196")


def test_what_has_no_price_is_said(tmp_path: Path) -> None:
    """A timeout and an unknown model are unpriced with their reasons, and the total is a lower bound."""
    strange = lessons_call(3, model="llama-99")
    costs = task_costs(rows(lessons_call(1), make_failure(2), strange), CARD)
    shown = table(costs).to_text()

    assert costs[0].cost == D("0.00098")
    assert "≥ $0.00098" in shown
    assert "1 usage unknown, 1 model not in card" in shown
    assert not costs[0].complete


@pytest.mark.parametrize(("make", "name"), [(JsonlSink, "calls.jsonl"), (SqliteSink, "calls.db")])
def test_a_fallback_is_priced_by_its_own_model(tmp_path: Path, make: Any, name: str) -> None:
    """A refused answer of one model and the good one of another: each at its own rate, both counted."""
    record = lessons_call(1)
    refused = replace(record.attempts[1], number=1, kind=Kind.REFUSED, status="failed")
    dearer = replace(record.attempts[1], model="practice-2")
    make(tmp_path / name)(replace(record, attempts=(refused, dearer), usage=refused.usage + dearer.usage))
    (task,) = task_costs(read_rows(tmp_path / name).rows, CARD)

    assert task.cost == D("0.00098") + D("0.0049")
    assert task.input_tokens == 500


def test_a_call_is_priced_by_its_own_day() -> None:
    """A price that rose in July does not change the calls of June."""
    card = RateCard.from_toml(
        'version = "two"\n'
        '[[rates]]\nmodels = ["practice-1"]\neffective = 2026-01-01\ninput = 1\noutput = 1\n'
        '[[rates]]\nmodels = ["practice-1"]\neffective = 2026-07-01\ninput = 3\noutput = 3\n'
    )
    june, july = 1_781_000_000, 1_783_000_000
    before, after = (task_costs(rows(lessons_call(1, at=at)), card)[0].cost for at in (june, july))

    assert (before, after) == (D("0.00033"), D("0.00099"))


def test_the_dearest_task_comes_first_and_all_sum_up() -> None:
    """Tasks are sorted by cost, and the last row is their sum."""
    costs = task_costs(
        rows(
            lessons_call(1, task="draft_reply"),
            lessons_call(2, task="decide_rotation"),
            lessons_call(3, task="decide_rotation"),
        ),
        CARD,
    )

    assert [task.task for task in costs] == ["decide_rotation", "draft_reply"]
    assert total(costs).cost == D("0.00294")
    assert table(costs).rows[-1]["cost"] == "$0.00294"


def test_batch_shows_what_a_batch_would_have_cost() -> None:
    """The same rows at batch rates: half, but for the cached reads."""
    (task,) = task_costs(rows(make_record()), CARD, batch=True)

    assert task.cost == cost(make_record().usage, "practice-1", CARD, batch=True)


def test_a_count_that_was_refused_is_unpriced() -> None:
    """A marker in the place of a count is no number, and no crash."""
    row = {**make_record().as_row(), "input_tokens": "<refused: str>", "attempts": []}
    (task,) = task_costs([row], CARD)

    assert task.unpriced == {"bad usage": 1}


@pytest.mark.parametrize(("make", "name"), [(JsonlSink, "calls.jsonl"), (SqliteSink, "calls.db")])
def test_both_stores_give_one_report(tmp_path: Path, make: Any, name: str) -> None:
    """JSON Lines and SQLite are read into the same numbers."""
    sink = make(tmp_path / name)
    for record in (make_record(1), make_failure(2), lessons_call(3, task="draft_reply")):
        sink(record)

    direct = task_costs(rows(make_record(1), make_failure(2), lessons_call(3, task="draft_reply")), CARD)
    assert table(task_costs(read_rows(tmp_path / name).rows, CARD)).rows == table(direct).rows


def test_a_missing_log_says_what_to_give(tmp_path: Path) -> None:
    """No file is a sentence, for each kind of store."""
    for name in ("calls.jsonl", "calls.db"):
        with pytest.raises(LabkitError, match=rf"no records at {name}; give the file"):
            read_rows(tmp_path / name)


def test_the_command_prints_a_table_and_saves_a_plot(tmp_path: Path) -> None:
    """The text names the card's stamp and every torn line; the picture is a PNG."""
    path = tmp_path / "calls.jsonl"
    JsonlSink(path)(lessons_call(1))
    with path.open("ab") as file:
        file.write(b'{"torn')
    text = render(path, plot=tmp_path / "cost.png")

    assert CARD.stamp in text
    assert "$0.00098" in text
    assert "skipped: calls.jsonl, line 2: torn or not JSON" in text
    assert (tmp_path / "cost.png").read_bytes().startswith(b"\x89PNG")


def test_the_bars_have_the_frames_numbers() -> None:
    """Each bar is as long as its bucket's cost, and buckets differ by hatch as well as by colour."""
    costs = task_costs(rows(make_record(1), lessons_call(2, task="draft_reply")), CARD)
    figure = bars(frame(costs))
    drawn = [bar for container in figure.axes[0].containers for bar in container]

    assert sum(bar.get_width() for bar in drawn) == pytest.approx(float(total(costs).cost))
    assert len({(bar.get_facecolor(), bar.get_hatch()) for bar in drawn}) == 3
    assert len({bar.get_hatch() for bar in drawn}) == 3


def test_an_empty_report_is_drawn() -> None:
    """No rows, no crash."""
    assert bars(frame([])).axes
    assert table([]).rows[-1]["calls"] == 0


def test_levers_say_what_they_save() -> None:
    """Beside each lever stands its change in per cent."""
    figure = levers(["as it is", "batch half"], [100.0, 75.0])

    assert "75.00  (−25.0%)" in [text.get_text() for text in figure.axes[0].texts]
