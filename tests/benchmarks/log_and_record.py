"""What safe logging costs: against the standard library's JSON logging, and for one whole record.

python tests/benchmarks/log_and_record.py

Each pair is measured in turns, the best of many rounds counts, and every line has ids of its own, so that
nothing is fast only because it was seen before.
"""

# ruff: noqa: T201, LOG001 - a benchmark prints what it measured, with loggers of its own
from __future__ import annotations

import itertools
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from labkit.costs import RateCard, cost
from labkit.failures import Kind
from labkit.fingerprints import Fingerprinter
from labkit.records import Attempt, CallRecord
from labkit.redaction import AllowlistHandler
from labkit.sinks import JsonlSink, SqliteSink
from labkit.usage import Usage

# Short rounds, many of them: on a busy machine the best one is a slice that nothing interrupted.
ROUNDS, CALLS = 120, 40
STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
QUESTION = "Can I rotate the stale service-account key for account acct_10234?"
numbers = itertools.count(1)


class UsualJson(logging.Formatter):
    """What JSON formatters do: every field there is, the message, the exception with its text."""

    def format(self, record: logging.LogRecord) -> str:
        """One object a line."""
        line = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in record.__dict__.items() if name not in STANDARD},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def fields() -> dict[str, object]:
    """One finished call, with ids of its own."""
    number = next(numbers)
    return {
        "trace_id": f"trace_acct_10234_{number}",
        "response_id": f"chatcmpl-{number:029x}",
        "task": "decide_rotation",
        "model": "practice-1",
        "prompt_version": "rotation_decision@2",
        "latency_ms": 840.125,
        "input_tokens": 921,
        "output_tokens": 84,
        "status": "ok",
        "cost": "0.00234600",
    }


def record() -> CallRecord:
    """One call with a retry, with ids of its own."""
    number = next(numbers)
    usage = Usage(input_tokens=921, output_tokens=84)
    first = Attempt(
        1,
        0.0,
        12.5,
        "failed",
        Kind.RATE_LIMITED,
        "http_429",
        429,
        "openai",
        "practice-1",
        f"req_{number:032x}",
    )
    second = replace(first, number=2, status="ok", kind=Kind.OK, reason="", http_status=200, usage=usage)
    return CallRecord(
        f"trace_acct_10234_{number}",
        "decide_rotation",
        "practice-1",
        "rotation_decision@2",
        840.125,
        Kind.OK,
        provider="openai",
        response_id=f"chatcmpl-{number:029x}",
        finish_reason="stop",
        attempts=(first, second),
        usage=usage,
        cost=Decimal(0),
        at=1_795_000_000.25,
    )


def in_turns(**actions: Callable[[], object]) -> dict[str, float]:
    """Microseconds of each action, the best round of each, measured in turns."""
    best = dict.fromkeys(actions, float("inf"))
    for _ in range(ROUNDS):
        for name, action in actions.items():
            started = time.perf_counter()
            for _ in range(CALLS):
                action()
            best[name] = min(best[name], (time.perf_counter() - started) / CALLS * 1e6)
    return best


def log_ratios(directory: Path) -> None:
    """Throughput of the allowlist as a share of the usual formatter's, writing to files."""
    usual, safe = logging.Logger("labkit"), logging.Logger("labkit")
    handler = logging.StreamHandler((directory / "usual.log").open("w"))
    handler.setFormatter(UsualJson())
    usual.addHandler(handler)
    safe.addHandler(AllowlistHandler((directory / "safe.log").open("w")))

    def failing(log: logging.Logger) -> None:
        try:
            int("not a number")
        except ValueError:
            log.exception("call_failed", extra=fields())

    lines = in_turns(
        usual=lambda: usual.info("call_finished", extra=fields()),
        safe=lambda: safe.info("call_finished", extra=fields()),
    )
    errors = in_turns(usual=lambda: failing(usual), safe=lambda: failing(safe))
    for name, took, wanted in (
        ("lines", lines, "at least 0.7"),
        ("lines with an exception", errors, "more than 1"),
    ):
        ratio = took["usual"] / took["safe"]
        print(
            f"{name}: allowlist {took['safe']:.1f} µs, usual JSON {took['usual']:.1f} µs, "
            f"throughput ratio {ratio:.2f} ({wanted})"
        )


def record_times(directory: Path) -> None:
    """One record: priced, its question fingerprinted, and appended."""
    card = RateCard.illustrative()
    fingerprint = Fingerprinter(
        {"2026-11": "a key of the benchmark, of no use elsewhere"}, purpose="question"
    )
    jsonl, sqlite = JsonlSink(directory / "calls.jsonl"), SqliteSink(directory / "calls.db")
    made = [record() for _ in range(CALLS)]
    turn = itertools.cycle(made)

    def whole() -> None:
        fingerprint(QUESTION)
        one = next(turn)
        jsonl(replace(one, cost=cost(one.usage, one.model, card), rate_card=card.stamp))

    took = in_turns(
        whole=whole,
        cost=lambda: cost(made[0].usage, "practice-1", card),
        fingerprint=lambda: fingerprint(QUESTION),
    )
    took |= in_turns(sqlite=lambda: sqlite(next(turn)))
    print(f"append with cost and fingerprint: {took['whole']:.1f} µs (at most 60 µs)")
    print(f"  of it cost {took['cost']:.1f} µs, fingerprint {took['fingerprint']:.1f} µs")
    print(f"append to SQLite: {took['sqlite']:.1f} µs")
    probe = [in_turns(dumps=lambda: json.dumps(made[0].as_row()))["dumps"] for _ in range(3)]
    print(f"  in proportion: as_row and json.dumps alone {statistics.median(probe):.1f} µs")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        log_ratios(Path(name))
        record_times(Path(name))


if __name__ == "__main__":
    main()
