"""Sinks: whole rows or a named error, through crashes, full disks, rotation and several processes."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from scripted import World, completion
from some_records import make_failure, make_record

from labkit.failures import Kind, LabkitError
from labkit.fingerprints import Fingerprinter
from labkit.lab.case import EVIDENCE, QUESTION, TASK
from labkit.sinks import JsonlSink, LoggingSink, SinkError, SqliteSink, clean_row, read_frame, read_jsonl

unix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and limits")


def ids(path: Path) -> list[str]:
    """The trace ids that a log holds, in order."""
    return [row["trace_id"] for row in read_jsonl(path).rows]


# ── the row ─────────────────────────────────────────────────────────────────────────────────────


def test_a_right_record_is_written_whole(tmp_path: Path) -> None:
    """What is read back is the record's row, to the last digit of its cost."""
    record = make_record()
    JsonlSink(tmp_path / "calls.jsonl")(record)

    assert read_jsonl(tmp_path / "calls.jsonl").rows == [record.as_row()]


def test_a_field_that_was_abused_is_not_written(tmp_path: Path) -> None:
    """A question in the reason and a key in the model become markers, in every sink alike."""
    key = "sk-proj-" + "Ab3dEf9hIj" * 5
    record = make_record(model=key, reason="Can I rotate the key of my daughter Ottoline")
    record = replace(record, attempts=(replace(record.attempts[0], model=key, request_id=key),))
    JsonlSink(tmp_path / "calls.jsonl")(record)
    SqliteSink(tmp_path / "calls.db")(record)

    for file in tmp_path.iterdir():
        assert key.encode() not in file.read_bytes()
        assert b"Ottoline" not in file.read_bytes()
    assert clean_row(record)["model"] == "<refused: str>"


def test_unknown_usage_stays_unknown(tmp_path: Path) -> None:
    """A timeout's tokens and cost are null in the row, never 0."""
    JsonlSink(tmp_path / "calls.jsonl")(make_failure())
    (row,) = read_jsonl(tmp_path / "calls.jsonl").rows

    assert (row["input_tokens"], row["output_tokens"], row["cost"]) == (None, None, None)
    assert row["unreported_attempts"] == 1


def test_a_record_recognises_a_repeated_question_without_holding_it(tmp_path: Path) -> None:
    """With a keyed fingerprint in the policy, the row has it, and two calls of one question share it."""
    fingerprint = Fingerprinter({"2026-11": "a key for this test alone"}, purpose="question")
    world = World([completion()])
    sink = JsonlSink(tmp_path / "calls.jsonl")
    for _ in range(2):
        boundary = world.boundary()
        boundary.policy = replace(boundary.policy, fingerprint=fingerprint)
        boundary.sinks = (sink,)
        boundary.call(TASK, EVIDENCE)
    first, second = read_jsonl(sink.path).rows

    assert first["question_fingerprint"] == second["question_fingerprint"] == fingerprint(QUESTION)
    assert first == clean_row(world.boundary().call(TASK, EVIDENCE).record) | {
        name: first[name] for name in ("at", "question_fingerprint")
    }


# ── JSON Lines ──────────────────────────────────────────────────────────────────────────────────


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Records are pseudonymous, not public."""
    JsonlSink(tmp_path / "calls.jsonl")(make_record())

    assert stat.S_IMODE((tmp_path / "calls.jsonl").stat().st_mode) == 0o600


def test_every_torn_end_is_skipped_and_the_next_record_is_whole(tmp_path: Path) -> None:
    """Cut anywhere in its last line, the file gives the lines before and after, and reports the torn one."""
    path = tmp_path / "calls.jsonl"
    sink = JsonlSink(path)
    sink(make_record(1))
    first = path.stat().st_size
    sink(make_record(2))
    whole = path.read_bytes()

    for cut in range(first + 1, len(whole) - 1, 7):
        path.write_bytes(whole[:cut])
        JsonlSink(path)(make_record(3))
        log = read_jsonl(path)
        assert [row["trace_id"] for row in log.rows] == ["trace_1", "trace_3"]
        assert [(s.file, s.line, s.reason) for s in log.skipped] == [("calls.jsonl", 2, "torn or not JSON")]


def test_a_line_that_lost_only_its_end_of_line_is_kept(tmp_path: Path) -> None:
    """A cut right before the line's end loses nothing."""
    path = tmp_path / "calls.jsonl"
    JsonlSink(path)(make_record(1))
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    JsonlSink(path)(make_record(2))

    assert ids(path) == ["trace_1", "trace_2"]
    assert read_jsonl(path).skipped == []


@pytest.mark.parametrize("line", [b"7", b"[1]", b"\xff\xfe", b"{" * 5000, b'{"a":'])
def test_foreign_lines_are_reported_and_not_raised(tmp_path: Path, line: bytes) -> None:
    """Whatever stands in the file, the reader goes on and says where."""
    path = tmp_path / "calls.jsonl"
    path.write_bytes(line + b"\n")
    JsonlSink(path)(make_record())
    log = read_jsonl(path)

    assert len(log.rows) == 1
    assert [skipped.line for skipped in log.skipped] == [1]


def test_no_file_is_an_empty_log(tmp_path: Path) -> None:
    """Reading before the first call is no error."""
    assert read_jsonl(tmp_path / "calls.jsonl").rows == []


WRITER = """
    import sys
    from some_records import make_record
    from labkit.sinks import JsonlSink
    sink = JsonlSink(sys.argv[1], max_bytes=20_000, keep=10_000)
    number = 0
    while True:
        number += 1
        sink(make_record(number))
        print(number, flush=True)
"""


@unix
def test_kill_minus_nine_loses_nothing_that_was_written(tmp_path: Path) -> None:
    """A writer killed mid-flight, three times: every acknowledged record is there, whole and in order.

    The kernel may cut the line that is being written at a page's end: that one is reported as torn.
    """
    path = tmp_path / "calls.jsonl"
    acknowledged: list[str] = []
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert child.stdout is not None
        seen = 0
        while seen < 150:
            seen = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        seen = int((child.stdout.read().splitlines() or [str(seen).encode()])[-1] or seen)
        child.wait()
        acknowledged += [f"trace_{number}" for number in range(1, seen + 1)]

    found = iter(ids(path))
    assert all(wanted in found for wanted in acknowledged)
    assert len(read_jsonl(path).skipped) <= 3
    assert len(list(tmp_path.glob("calls.*-????.jsonl"))) > 3


@unix
def test_a_full_file_system_gives_a_named_error_and_recovers() -> None:
    """ENOSPC names the file and the fix, counts the loss, and never shows the record."""
    sink = JsonlSink("/dev/full")
    with pytest.raises(SinkError, match=r"full \(ENOSPC\): the disk is full: free space") as caught:
        sink(make_record())

    assert sink.lost == 1
    assert "trace_1" not in str(caught.value)


SHORT_WRITE = """
    import resource, sys
    from some_records import make_record
    from labkit.sinks import JsonlSink, SinkError
    sink = JsonlSink(sys.argv[1])
    sink(make_record(1))
    limit = sink.path.stat().st_size + 100
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        sink(make_record(2))
    except SinkError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    sink(make_record(3))
    print(sink.lost)
"""


@unix
def test_a_record_cut_by_a_full_disk_does_not_spoil_the_next(tmp_path: Path) -> None:
    """Half a line fits: that record is lost by name, and the one after it is whole."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SHORT_WRITE), str(tmp_path / "calls.jsonl")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert "record not written to calls.jsonl (ENOSPC)" in done.stdout
    assert done.stdout.splitlines()[-1] == "1"
    log = read_jsonl(tmp_path / "calls.jsonl")
    assert [row["trace_id"] for row in log.rows] == ["trace_1", "trace_3"]
    assert len(log.skipped) == 1


def test_a_missing_directory_is_a_named_error(tmp_path: Path) -> None:
    """The error says what to give instead."""
    with pytest.raises(SinkError, match=r"calls\.jsonl \(ENOENT\): give a path on a local disk"):
        JsonlSink(tmp_path / "no" / "calls.jsonl")(make_record())
    with pytest.raises(SinkError, match=r"EISDIR.*give the path of a file"):
        JsonlSink(tmp_path)(make_record())


@pytest.mark.parametrize("make", [JsonlSink, SqliteSink])
def test_a_broken_sink_never_costs_the_product_its_answer(
    tmp_path: Path, make: Callable[[Path], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The boundary answers as usual, the other sinks get the record, and the log names the failure."""
    world = World([completion()])
    boundary = world.boundary()
    boundary.sinks = (make(tmp_path / "no" / "calls"), *boundary.sinks)

    assert boundary.call(TASK, EVIDENCE).ok
    assert len(world.records) == 1
    assert [entry.message for entry in caplog.records] == ["record_sink_failed"]


def test_a_sink_tries_again_after_a_failure(tmp_path: Path) -> None:
    """When the directory appears, the next record is written without a restart."""
    sink = JsonlSink(tmp_path / "later" / "calls.jsonl")
    with pytest.raises(SinkError):
        sink(make_record(1))
    (tmp_path / "later").mkdir()
    sink(make_record(2))

    assert ids(sink.path) == ["trace_2"]
    assert sink.lost == 1


def test_a_full_file_is_put_aside_under_its_time(tmp_path: Path) -> None:
    """Rotation keeps the order, and no file outgrows the limit."""
    sink = JsonlSink(tmp_path / "calls.jsonl", max_bytes=3_000, keep=100, wall=lambda: 1_795_000_000)
    for number in range(12):
        sink(make_record(number))

    assert ids(sink.path) == [f"trace_{number}" for number in range(12)]
    names = sorted(file.name for file in tmp_path.glob("calls*.jsonl"))
    assert names[0] == "calls.20261118T110640-0001.jsonl"
    assert len(names) > 4
    assert all(file.stat().st_size <= 3_000 for file in tmp_path.glob("calls*.jsonl"))


def test_a_record_larger_than_a_file_is_still_written(tmp_path: Path) -> None:
    """A limit below one line gives one line a file, not an endless rotation."""
    sink = JsonlSink(tmp_path / "calls.jsonl", max_bytes=1, keep=100)
    sink(make_record(1))
    sink(make_record(2))

    assert ids(sink.path) == ["trace_1", "trace_2"]


def test_older_files_are_deleted_beyond_keep(tmp_path: Path) -> None:
    """Retention by count: the newest stay."""
    now = [1_795_000_000.0]
    sink = JsonlSink(tmp_path / "calls.jsonl", max_bytes=1, keep=2, wall=lambda: now[0])
    for number in range(6):
        now[0] += 1
        sink(make_record(number))

    assert ids(sink.path) == ["trace_3", "trace_4", "trace_5"]


def test_older_files_are_deleted_beyond_their_age(tmp_path: Path) -> None:
    """Retention by age: what is older than the policy allows is gone at the next rotation."""
    sink = JsonlSink(tmp_path / "calls.jsonl", max_bytes=1, keep=100, max_age_days=30)
    for number in range(3):
        sink(make_record(number))
    for file in tmp_path.glob("calls.*-????.jsonl"):
        os.utime(file, (1_000_000_000, 1_000_000_000))
    sink(make_record(3))

    assert ids(sink.path) == ["trace_2", "trace_3"]


def _write_many(path: Path, first: int) -> None:
    sink = JsonlSink(path, max_bytes=30_000, keep=1_000)
    for number in range(first, first + 150):
        sink(make_record(number))


def test_processes_share_a_file_through_its_rotations(tmp_path: Path) -> None:
    """Three writers, many rotations: each record is there once and whole."""
    path = tmp_path / "calls.jsonl"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_many, args=(path, first)) for first in (0, 1000, 2000)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    wanted = [f"trace_{first + n}" for first in (0, 1000, 2000) for n in range(150)]
    assert sorted(ids(path)) == sorted(wanted)
    assert read_jsonl(path).skipped == []


def test_bad_limits_are_refused(tmp_path: Path) -> None:
    """A limit of nothing would rotate for ever."""
    with pytest.raises(LabkitError, match="max_bytes is 0"):
        JsonlSink(tmp_path / "x", max_bytes=0)


# ── SQLite ──────────────────────────────────────────────────────────────────────────────────────


def test_a_frame_keeps_decimals_and_unknowns(tmp_path: Path) -> None:
    """Costs are exact decimals, unknown counts are missing, times are UTC."""
    pd = pytest.importorskip("pandas")
    sink = SqliteSink(tmp_path / "calls.db")
    sink(make_record())
    sink(make_failure(2))
    frame = read_frame(sink.path)

    assert frame["cost"].tolist() == [Decimal("0.00194820"), None]
    assert frame["input_tokens"].tolist() == [921, pd.NA]
    assert str(frame["input_tokens"].dtype) == "Int64"
    assert frame["streamed"].tolist() == [False, False]
    assert str(frame["at"].iloc[0]) == "2026-11-18 11:06:40.250000+00:00"


def test_attempts_join_their_calls(tmp_path: Path) -> None:
    """One row an attempt, under its call's number."""
    sink = SqliteSink(tmp_path / "calls.db")
    sink(make_record())
    sink(make_failure(2))
    calls, attempts = read_frame(sink.path), read_frame(sink.path, "attempts")
    joined = attempts.merge(calls, on="call_id", suffixes=("", "_of_call"))

    assert list(zip(joined["trace_id"], joined["number"], joined["kind"], strict=True)) == [
        ("trace_1", 1, "rate_limited"),
        ("trace_1", 2, "ok"),
        ("trace_2", 1, "timeout"),
    ]


def test_both_stores_hold_the_same_row(tmp_path: Path) -> None:
    """What SQLite has of a call is what the JSON line has."""
    SqliteSink(tmp_path / "calls.db")(make_record())
    row = read_frame(tmp_path / "calls.db").iloc[0].to_dict()
    wanted = make_record().as_row()

    for name in wanted.keys() - {"attempts", "cost", "at"}:
        assert row[name] == wanted[name], name


def test_a_frame_of_nothing_says_what_to_do(tmp_path: Path) -> None:
    """A missing file and an unknown table are named errors."""
    with pytest.raises(LabkitError, match="make some with SqliteSink first"):
        read_frame(tmp_path / "calls.db")
    with pytest.raises(LabkitError, match="wanted one of calls, attempts"):
        read_frame(tmp_path / "calls.db", "sqlite_master")


def _write_rows(path: Path, first: int) -> None:
    sink = SqliteSink(path)
    for number in range(first, first + 40):
        sink(make_record(number))


def test_processes_share_a_database(tmp_path: Path) -> None:
    """Two writers at once lose nothing."""
    path = tmp_path / "calls.db"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_rows, args=(path, first)) for first in (0, 100)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0, 0]
    assert read_frame(path)["trace_id"].nunique() == 80


def test_a_file_that_is_no_database_is_a_named_error(tmp_path: Path) -> None:
    """The record is lost by name; its content is not in the message."""
    (tmp_path / "calls.db").write_bytes(b"not a database, and longer than its header" * 30)
    sink = SqliteSink(tmp_path / "calls.db")

    with pytest.raises(SinkError, match=r"calls\.db \(DatabaseError"):
        sink(make_record())
    assert sink.lost == 1


# ── logging ─────────────────────────────────────────────────────────────────────────────────────


def test_the_logging_sink_hands_over_an_event_and_fields(caplog: pytest.LogCaptureFixture) -> None:
    """The message is an event name, the row its fields, and failures are warnings."""
    with caplog.at_level(logging.INFO, "labkit.records"):
        LoggingSink()(make_record())
        LoggingSink()(make_failure(2))
    first, second = caplog.records

    assert (first.message, first.levelname) == ("call_recorded", "INFO")
    assert (second.levelname, vars(second)["status"]) == ("WARNING", Kind.TIMEOUT)
    assert json.dumps(vars(first)["attempts"])
