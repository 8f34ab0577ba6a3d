"""What each task cost: records joined to a rate card.

Without it a bill is one number a month, and nobody knows whether the drafts, the nightly job or the
failed calls made it. Usage is logged for each call; the card prices it afterwards, by its date.

    costs = task_costs(read_rows("calls.jsonl").rows, RateCard.illustrative())
    table(costs)                 # one row a task, a total below
    bars(costs)                  # the same as stacked bars, in labkit.lab.figures.cost

Calls that failed are counted and priced like any other. A call without usage, or of a model that the
card does not know, is counted as unpriced: then the total is a lower bound, and says so.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.costs import RateCard, bill, money
from labkit.failures import LabkitError
from labkit.lab.present import Table
from labkit.sinks import JsonlLog, read_jsonl
from labkit.usage import BadUsage, CostError, MissingUsage, Usage

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BUCKETS", "TaskCost", "frame", "read_rows", "render", "table", "task_costs", "total"]

#: The parts of a bill, in the order in which they are shown.
BUCKETS = ("input", "cache_read", "cache_write", "cache_write_1h", "output")


@dataclass
class TaskCost:
    """What the calls of one task used and cost, in the card's currency."""

    task: str
    calls: int = 0
    failed: int = 0
    retries: int = 0
    unreported_attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    buckets: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(BUCKETS, Decimal(0)))
    failed_cost: Decimal = Decimal(0)
    #: Why calls have no price, and how many have none for that reason.
    unpriced: Counter[str] = field(default_factory=Counter)

    @property
    def cost(self) -> Decimal:
        """The sum of all parts; a lower bound when there are unpriced calls."""
        return sum(self.buckets.values(), Decimal(0))

    @property
    def complete(self) -> bool:
        """Whether every call has a price and every attempt reported its usage."""
        return not self.unpriced and not self.unreported_attempts


def task_costs(rows: Iterable[Mapping[str, Any]], card: RateCard, *, batch: bool = False) -> list[TaskCost]:
    """Price each row by the card as of the row's day, and sum by task; the dearest task comes first.

    `batch` prices all of them as a batch run, to see what that would have saved.
    """
    tasks: dict[str, TaskCost] = defaultdict(lambda: TaskCost(""))
    for row in rows:
        name = str(row.get("task"))
        tasks[name].task = name
        _add(tasks[name], row, card, batch)
    return sorted(tasks.values(), key=lambda task: (-task.cost, task.task))


def _add(task: TaskCost, row: Mapping[str, Any], card: RateCard, batch: bool) -> None:
    failed = row.get("status") != "ok"
    task.calls += 1
    task.failed += failed
    task.retries += int(row.get("retries") or 0)
    task.unreported_attempts += int(row.get("unreported_attempts") or 0)
    try:
        used = [(usage_of(part), str(part.get("model"))) for part in _reported(row)]
        bills = [bill(usage, model, card, on=_day(row), batch=batch) for usage, model in used]
    except CostError as error:
        task.unpriced[_WHY.get(type(error).__name__, "bad usage")] += 1
        return
    task.input_tokens += sum(usage.total_input_tokens for usage, _ in used)
    task.output_tokens += sum(usage.output_tokens for usage, _ in used)
    for parts in bills:
        for bucket, amount in parts.items():
            task.buckets[bucket] += amount
            task.failed_cost += amount if failed else 0


def _reported(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The attempts that reported usage, since a fallback's model has its own price; else the call itself."""
    attempts = [part for part in row.get("attempts") or () if part.get("input_tokens") is not None]
    return attempts or [row]


_WHY = {"MissingUsage": "usage unknown", "UnknownModel": "model not in card", "UnknownRate": "no such rate"}


def usage_of(row: Mapping[str, Any]) -> Usage:
    """The usage of a record's row, back in disjoint buckets; its input count includes the cached ones."""
    if row.get("input_tokens") is None or row.get("output_tokens") is None:
        raise MissingUsage("the record has no usage: unknown, not 0")
    try:
        names = ("cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens")
        read, write, hour = (int(row.get(name) or 0) for name in names)
        return Usage(
            input_tokens=int(row["input_tokens"]) - read - write - hour,
            cache_read_tokens=read,
            cache_write_tokens=write,
            cache_write_1h_tokens=hour,
            output_tokens=int(row["output_tokens"]),
            reasoning_tokens=int(row.get("reasoning_tokens") or 0),
        )
    except (TypeError, ValueError):
        raise BadUsage(
            "a token count of the record is no number; it was refused when it was written"
        ) from None


def _day(row: Mapping[str, Any]) -> date | None:
    at = row.get("at")
    return datetime.fromtimestamp(at, UTC).date() if isinstance(at, int | float) and at > 0 else None


def total(costs: Iterable[TaskCost]) -> TaskCost:
    """All tasks together."""
    whole = TaskCost("all")
    for one in costs:
        for name in ("calls", "failed", "retries", "unreported_attempts", "input_tokens", "output_tokens"):
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
        for bucket, amount in one.buckets.items():
            whole.buckets[bucket] += amount
        whole.failed_cost += one.failed_cost
        whole.unpriced.update(one.unpriced)
    return whole


# ── shown ───────────────────────────────────────────────────────────────────────────────────────


def table(costs: list[TaskCost], caption: str = "") -> Table:
    """One row a task, and all of them below. "≥" marks a sum that lacks unpriced calls."""
    lines = [*costs, total(costs)] if len(costs) != 1 else costs
    return Table([_line(task) for task in lines], caption)


def _line(task: TaskCost) -> dict[str, Any]:
    return {
        "task": task.task,
        "calls": task.calls,
        "failed": task.failed,
        "retries": task.retries,
        "tokens in": task.input_tokens,
        "tokens out": task.output_tokens,
        "cost": ("" if task.complete else "≥ ") + money(task.cost),
        "of it failed": money(task.failed_cost),
        "unpriced": ", ".join(f"{count} {why}" for why, count in task.unpriced.items()) or None,
    }


def frame(costs: list[TaskCost]) -> pd.DataFrame:
    """Tidy: one row for each task and part of the bill, with `cost` as Decimal."""
    import pandas as pd  # noqa: PLC0415 - half a second

    rows = [
        {"task": task.task, "bucket": bucket, "cost": amount}
        for task in costs
        for bucket, amount in task.buckets.items()
    ]
    return pd.DataFrame(rows, columns=["task", "bucket", "cost"])


# ── the command ─────────────────────────────────────────────────────────────────────────────────


def read_rows(path: str | Path) -> JsonlLog:
    """The rows of a JSON Lines log with its rotated files, or of a SQLite file."""
    file = Path(path)
    if file.suffix in (".db", ".sqlite", ".sqlite3"):
        return JsonlLog(_sqlite_rows(file), [])
    log = read_jsonl(file)
    if not log.rows and not log.skipped and not file.is_file():
        raise LabkitError(f"no records at {file.name}; give the file that JsonlSink or SqliteSink writes")
    return log


def _sqlite_rows(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        raise LabkitError(f"no records at {file.name}; give the file that JsonlSink or SqliteSink writes")
    with closing(sqlite3.connect(file)) as db:
        db.row_factory = sqlite3.Row
        try:
            calls = [dict(row) for row in db.execute("SELECT * FROM calls ORDER BY call_id")]
            attempts: dict[int, list[dict[str, Any]]] = defaultdict(list)
            for row in db.execute("SELECT * FROM attempts ORDER BY call_id, number"):
                attempts[row["call_id"]].append(dict(row))
        except sqlite3.Error as error:
            raise LabkitError(f"{file.name} holds no records ({error}); give SqliteSink's file") from None
    return [call | {"attempts": attempts[call["call_id"]]} for call in calls]


def render(path: Path, card: Path | None = None, plot: Path | None = None, *, batch: bool = False) -> str:
    """The report as text, for the command line; with `plot`, also a picture in that file."""
    rates = RateCard.from_toml(card.read_text("utf-8")) if card else RateCard.illustrative()
    log = read_rows(path)
    costs = task_costs(log.rows, rates, batch=batch)
    lines = [table(costs, f"{len(log.rows)} calls, priced by {rates.stamp}").to_text()]
    lines += [f"skipped: {skip.file}, line {skip.line}: {skip.reason}" for skip in log.skipped]
    if plot:
        from labkit.lab.figures.cost import bars  # noqa: PLC0415 - matplotlib is a second

        bars(frame(costs), f"cost ({rates.currency})").savefig(plot, dpi=150)
        lines.append(f"plot: {plot.name}")
    return "\n".join(lines)
