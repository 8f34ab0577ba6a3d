"""The two outputs of a call, as lessons show them: the product's side, the operations' side, the attempts.

Printed as one long repr, nobody sees that an outcome is two things for two readers.

    two_outputs(outcome)          # decision or named failure beside the record
    attempts(outcome.record)      # one row for each request that was sent
"""

from __future__ import annotations

from typing import Any

from labkit.contracts import Answer, Outcome
from labkit.lab.present import SideBySide, Table, facts
from labkit.records import CallRecord

RECORD = (
    "trace_id",
    "model",
    "prompt_version",
    "status",
    "latency_ms",
    "retries",
    "input_tokens",
    "output_tokens",
)
ATTEMPT = ("number", "http_status", "kind", "started_ms", "latency_ms", "ceiling_s", "delay_s")


def two_outputs(outcome: Outcome[Any]) -> SideBySide:
    """What the product gets beside what operations get, for a good end and for any other."""
    if isinstance(outcome, Answer):
        title, mine = "a typed decision", outcome.value.model_dump()
    else:
        title, mine = "a named failure", outcome.summary()
    return SideBySide(
        {f"For the product: {title}": facts(mine), "For operations: a record": record_facts(outcome.record)}
    )


def record_facts(record: CallRecord, *names: str) -> Table:
    """The record's fields that lessons look at, or those of these names."""
    return facts({name: getattr(record, name) for name in names or RECORD})


def attempts(record: CallRecord, *names: str) -> Table:
    """One row for each attempt."""
    rows = [{name: getattr(attempt, name) for name in names or ATTEMPT} for attempt in record.attempts]
    return Table(rows, "Attempts")
