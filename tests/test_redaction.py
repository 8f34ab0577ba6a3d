"""Nothing undeclared reaches a log, by any way in; and what is declared and right gets through whole."""

from __future__ import annotations

import io
import json
import logging
import random
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sensitive_events import Event, clean_events, leaked, sensitive_events

from labkit.allowlist import Allowlist, checked, identifier, integer, model_slug, one_of
from labkit.failures import Kind
from labkit.keykinds import KEY_KINDS, KeyKind, make_fake
from labkit.logfields import LABKIT
from labkit.redaction import (
    QUIET,
    AllowlistFormatter,
    AllowlistHandler,
    describe_exception,
    structlog_processor,
    take_over,
)

SENSITIVE = sensitive_events()
CLEAN = clean_events()


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """A log under the take-over."""
    stream = io.StringIO()
    with take_over(stream=stream, level=logging.DEBUG):
        yield stream


def _written(event: Event) -> str:
    stream = io.StringIO()
    log = logging.Logger("labkit")  # noqa: LOG001 - known to no other test
    log.addHandler(AllowlistHandler(stream))
    event.log(log)
    return stream.getvalue()


def test_there_are_enough_events() -> None:
    """The corpus is at least 250 sensitive events in over 40 ways."""
    assert len(SENSITIVE) >= 250
    assert len({event.how for event in SENSITIVE}) >= 40


@pytest.mark.parametrize("event", SENSITIVE, ids=lambda event: event.how)
def test_a_sensitive_event_does_not_leak(event: Event, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the log line nor standard error holds the secret in any form, and a line is still written."""
    line = _written(event)

    assert leaked(event, line + capsys.readouterr().err) is None
    assert json.loads(line)["level"]


def test_the_standard_librarys_json_does_leak() -> None:
    """The corpus bites: the usual JSON formatter leaks nearly all of it."""

    class Usual(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            line = {"message": record.getMessage(), **{k: v for k, v in vars(record).items() if k != "args"}}
            text = self.formatException(record.exc_info) if record.exc_info else ""
            return json.dumps(line, default=str) + text

    def usual(event: Event) -> str:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(Usual())
        handler.handleError = lambda record: None  # type: ignore[method-assign]
        log = logging.Logger("labkit")  # noqa: LOG001 - known to no other test
        log.addHandler(handler)
        event.log(log)
        return stream.getvalue()

    assert sum(leaked(event, usual(event)) is not None for event in SENSITIVE) > 0.9 * len(SENSITIVE)


@pytest.mark.parametrize("event", CLEAN, ids=lambda event: "clean")
def test_a_clean_event_survives_whole(event: Event) -> None:
    """Every declared field with a right value is written as it is."""
    line = json.loads(_written(event))

    assert {name: line[name] for name in event.fields} == event.fields
    assert line["event"] == "call_finished"
    assert "dropped" not in line


class _StructlogStyle:
    """Gives structlog the events that were written for the standard library."""

    def __init__(self, stream: io.StringIO) -> None:
        structlog = pytest.importorskip("structlog")
        self.log = structlog.wrap_logger(
            structlog.PrintLogger(stream),
            processors=[structlog_processor(), structlog.processors.JSONRenderer()],
        )

    def __getattr__(self, level: str) -> Any:
        def call(message: Any, *args: Any, extra: dict[str, Any] | None = None, **rest: Any) -> None:
            getattr(self.log, level)(message, positional_args=args, **(extra or {}), **rest)

        return call


@pytest.mark.parametrize("event", [*SENSITIVE[::2], *CLEAN[::5]], ids=lambda event: event.how)
def test_structlog_leaks_nothing_and_keeps_what_is_clean(event: Event) -> None:
    """The structlog processor holds the same line."""
    stream = io.StringIO()
    event.log(_StructlogStyle(stream))

    assert leaked(event, stream.getvalue()) is None
    line = json.loads(stream.getvalue())
    assert {name: line[name] for name in event.fields} == event.fields


def test_structlog_takes_exceptions_in_each_form() -> None:
    """exc_info may be True, an exception or a triple; all become type and frames."""
    process = structlog_processor(clock=lambda: 5.0)
    try:
        int("hunter2")
    except ValueError as error:
        forms: list[Any] = [True, error, sys.exc_info()]
        lines = [process(None, "error", {"event": "call_failed", "exc_info": form}) for form in forms]

    assert [line["errors"][0]["type"] for line in lines] == ["ValueError"] * 3
    assert process(None, "info", {"event": "call_failed", "exc_info": False}) == {
        "at": 5.0,
        "level": "INFO",
        "event": "call_failed",
    }


# ── types ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("field", "value", "written"),
    [
        ("input_tokens", 921, 921),
        ("input_tokens", True, "<refused: bool>"),
        ("input_tokens", "921", "<refused: str>"),
        ("input_tokens", -1, "<refused: int>"),
        ("input_tokens", 4111_1111_1111_1111, "<refused: int>"),
        ("input_tokens", None, None),
        ("latency_ms", 0.05, 0.05),
        ("latency_ms", float("nan"), "<refused: float>"),
        ("latency_ms", float("inf"), "<refused: float>"),
        ("status", Kind.TIMEOUT, "timeout"),
        ("status", "timed out for Luna", "<refused: str>"),
        ("model", "gpt-4o-mini", "gpt-4o-mini"),
        ("model", "gptalice", "<refused: str>"),
        ("model", "alice", "<refused: str>"),
        ("model", b"gpt-4o", "<refused: bytes>"),
        ("trace_id", "trace_acct_10234_01", "trace_acct_10234_01"),
        ("trace_id", "alice.smith", "<refused: str>"),
        ("trace_id", "555-123-4567", "<refused: str>"),
        ("trace_id", "trace_" + "a" * 40, "<refused: str>"),
        ("reason", "unsupported window; repeated source", "unsupported window; repeated source"),
        ("reason", "my card was refused", "<refused: str>"),
        ("reason", "crashed:ValueError", "crashed:ValueError"),
        ("reason", "crashed:hunter2", "<refused: str>"),
        ("cost", Decimal("0.00098"), "0.00098"),
        ("cost", "5551234567", "<refused: str>"),
        ("at", datetime(2026, 11, 24, tzinfo=UTC), "2026-11-24T00:00:00+00:00"),
        ("streamed", 1, "<refused: int>"),
        ("question_fingerprint", "85ef707a963b", "<refused: str>"),
        ("prompt_version", "rotation_decision@2", "rotation_decision@2"),
        ("policy_line_ids", ("P-7", "P-x"), ["P-7", "<refused: str>"]),
        ("attempts", [{"number": 1, "body": "x"}], [{"number": 1, "dropped": 1}]),
    ],
)
def test_a_field_takes_its_type_alone(field: str, value: object, written: object) -> None:
    """A declared field with a value of another type becomes a marker, and None stays unknown."""
    assert LABKIT.clean({field: value}) == {field: written}


def test_a_marker_names_no_class_made_at_run_time() -> None:
    """A class can be named after a secret, and say that it is a builtin."""
    kind = type("hunter2", (), {"__module__": "builtins"})

    assert checked(integer(), kind()) == "<refused: object>"


@given(st.text())
def test_only_declared_words_pass_an_enum(text: str) -> None:
    """Whatever the text, one_of lets out one of its words or the marker."""
    assert checked(one_of("ok", "failed"), text) in {"ok", "failed", "<refused: str>"}


@given(st.text(max_size=200))
def test_no_free_text_passes_an_id_or_a_model(text: str) -> None:
    """What passes has no space, no @ and no line break, and starts with a declared word."""
    for check in (identifier("acct"), model_slug("gpt")):
        written = checked(check, text)
        assert written == "<refused: str>" or re.fullmatch(r"[A-Za-z0-9_.:/-]+", str(written), re.ASCII)


@pytest.mark.parametrize("kind", KEY_KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("front", ["trace_", "trace-1.", "trace_a:b_", "trace_acct_10234-", ""])
def test_no_id_or_model_carries_a_key(kind: KeyKind, front: str) -> None:
    """Whatever an id or a model begins with, a key of any kind behind it is refused."""
    key = make_fake(kind, random.Random(kind.name).random)

    for field, start in (("trace_id", front), ("response_id", front.replace("trace", "req"))):
        assert LABKIT.clean({field: start + key}) == {field: "<refused: str>"}
    assert LABKIT.clean({"model": f"gpt-4o-{key}"}) == {"model": "<refused: str>"}


def test_an_extended_list_takes_your_events_and_fields() -> None:
    """An application declares its own; the kit's list is unchanged."""
    mine = LABKIT.extend(events=("key_rotated",), age_days=integer(0, 400))

    assert mine.event("key_rotated") == "key_rotated"
    assert mine.clean({"age_days": 12}) == {"age_days": 12}
    assert LABKIT.event("key_rotated") == "unlisted_event"
    assert LABKIT.clean({"age_days": 12}) == {"dropped": 1}


def test_every_reason_of_the_kit_can_be_written() -> None:
    """The reason codes that stand in the code of the kit are all made of declared words."""
    root = Path(sys.modules["labkit.logfields"].__file__ or "").parent
    pattern = re.compile(r"""(?:Reason|Malformed|Fault\([\w.]+,|_?Ended\([\w.]+,)\(?\s*"([a-z_]+)\"""")
    codes = {
        code
        for path in [*root.glob("*.py"), *root.glob("providers/*.py")]
        for code in pattern.findall(path.read_text("utf-8"))
    }
    refused = {code for code in codes if LABKIT.clean({"reason": code}) != {"reason": code}}

    assert len(codes) > 20
    assert refused == set(), "add their words to reason_words in labkit/logfields.toml"


# ── exceptions ──────────────────────────────────────────────────────────────────────────────────


def test_an_exception_becomes_type_and_frames() -> None:
    """File, line and function are kept; the message is not."""
    try:
        int("hunter2")
    except ValueError as error:
        (found,) = describe_exception(error)

    assert found["type"] == "ValueError"
    frames: Any = found["frames"]
    assert re.fullmatch(r"test_redaction\.py:\d+:test_an_exception_becomes_type_and_frames", frames[0])


def test_a_chain_is_told_in_order_and_ends() -> None:
    """The error first, then its cause; a circle and a suppressed context end the chain."""
    inner, outer = ValueError("a"), KeyError("b")
    outer.__cause__, inner.__cause__ = inner, outer

    assert [found["type"] for found in describe_exception(outer)] == ["KeyError", "ValueError"]

    hidden = KeyError("c")
    hidden.__context__, hidden.__suppress_context__ = inner, True
    assert [found["type"] for found in describe_exception(hidden)] == ["KeyError"]


# ── taking over ─────────────────────────────────────────────────────────────────────────────────


def test_libraries_are_quiet_and_their_warnings_say_no_url(out: io.StringIO) -> None:
    """INFO of httpx, httpcore, openai and anthropic is gone; a warning keeps its place and loses its text."""
    for name in QUIET:
        logging.getLogger(name).info("GET https://host/?key=hunter2")
    assert out.getvalue() == ""

    logging.getLogger("httpx").warning("GET https://host/?key=hunter2")
    line = json.loads(out.getvalue())
    assert line["event"] == "unlisted_event"
    assert line["source"].startswith("test_redaction.py:")


def test_a_loggers_own_handler_is_taken_off() -> None:
    """A library that logs to its own stream, without propagating, is heard at the root instead."""
    own, stream = io.StringIO(), io.StringIO()
    chatty = logging.getLogger("httpx")
    handler = logging.StreamHandler(own)
    chatty.addHandler(handler)
    chatty.propagate = False
    try:
        with take_over(stream=stream):
            chatty.warning("hunter2")
        assert own.getvalue() == ""
        assert json.loads(stream.getvalue())["level"] == "WARNING"
        assert chatty.handlers == [handler]
        assert chatty.propagate is False
    finally:
        chatty.handlers, chatty.propagate = [], True


def test_restore_puts_everything_back() -> None:
    """Handlers, levels and hooks are as before."""
    root = logging.getLogger()

    def state() -> list[object]:
        levels = [logging.getLogger(name).level for name in QUIET]
        hooks = [sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning]
        return [root.level, list(root.handlers), levels, *hooks]

    before = state()
    with take_over():
        assert state() != before
    assert state() == before


def test_warnings_lose_their_text(out: io.StringIO) -> None:
    """A warning is counted as an event, with no words."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("hunter2", stacklevel=1)

    assert "hunter2" not in out.getvalue()
    assert json.loads(out.getvalue())["logger"] == "py.warnings"


def test_an_uncaught_exception_of_a_thread_loses_its_text(
    out: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    """A thread that dies logs type and frames, and prints nothing to standard error."""
    thread = threading.Thread(target=lambda: int("hunter2"))
    thread.start()
    thread.join()

    assert json.loads(out.getvalue())["errors"][0]["type"] == "ValueError"
    assert "hunter2" not in out.getvalue() + capsys.readouterr().err


def test_an_uncaught_exception_of_the_program_loses_its_text(out: io.StringIO) -> None:
    """The interpreter's last word is a log line too."""
    try:
        int("hunter2")
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)

    assert json.loads(out.getvalue())["event"] == "uncaught_exception"
    assert "hunter2" not in out.getvalue()


def test_another_formatter_changes_nothing() -> None:
    """A framework that sets its own formatter on our handler does not open it."""
    stream = io.StringIO()
    handler = AllowlistHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.handle(logging.makeLogRecord({"msg": "hunter2"}))

    assert "hunter2" not in stream.getvalue()


def test_a_full_disk_is_told_without_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    """When the stream fails, standard error says that a line was lost, and not what was in it."""

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device: hunter2")

    handler = AllowlistHandler(Full())
    handler.handle(logging.makeLogRecord({"msg": "hunter2", "levelno": 40, "levelname": "ERROR"}))

    assert capsys.readouterr().err == "labkit: a log line of level 40 was lost (OSError)\n"


def test_a_loggers_name_is_shown_as_far_as_it_is_a_module() -> None:
    """A name can be made of data, so only imported modules and named loggers are shown."""
    formatter = AllowlistFormatter(loggers=("app",))
    names = ("labkit.redaction", "labkit.hunter2", "hunter2", "app", "root")
    lines = [json.loads(formatter.format(logging.makeLogRecord({"name": name}))) for name in names]

    assert [line["logger"] for line in lines] == ["labkit.redaction", "labkit", "?", "app", "root"]


def test_a_level_is_shown_by_its_number_when_it_has_no_standard_name() -> None:
    """logging.addLevelName takes any text, so it is not used."""
    line = AllowlistFormatter().format(logging.makeLogRecord({"levelno": 25, "levelname": "hunter2"}))

    assert json.loads(line)["level"] == 25


def test_the_empty_list_lets_nothing_out() -> None:
    """With nothing declared, a line has its time, level, place and a count."""
    formatter = AllowlistFormatter(Allowlist({}))
    line = json.loads(formatter.format(logging.makeLogRecord({"msg": "call_finished", "model": "gpt-4o"})))

    assert line["event"] == "unlisted_event"
    assert line["dropped"] == 1
    assert "model" not in line
