"""A canary: send a random marker down every path that writes, and see whether it comes out.

Redaction that is only configured is a hope. One handler that a library added, one formatter that prints
arguments, and the words of a customer are in the log; nobody looks until they are found there.

    for probe in run_canary():
        probe.path, probe.outcome       # ("chained exception", "passed") … or "leaked"

A path that wrote nothing at all is "silent": it proves nothing, and does not count as passed. Your own
set-up is tried with `run_canary(take=my_setup)`, where `my_setup(stream)` is a context manager.
"""

from __future__ import annotations

import base64
import contextlib
import io
import logging
import secrets
import string
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from labkit.failures import Kind
from labkit.fingerprints import Fingerprinter
from labkit.records import Attempt, CallRecord
from labkit.redaction import structlog_processor, take_over
from labkit.sinks import JsonlSink, LoggingSink, OtelSink, SqliteSink

__all__ = ["PATHS", "Probe", "WayOut", "run_canary"]

#: A path: takes the marker and an empty directory, does what a program does, may return what it exported.
WayOut = Callable[[str, Path], str | None]
Outcome = Literal["passed", "leaked", "silent", "broken", "skipped"]


@dataclass(frozen=True, slots=True)
class Probe:
    """What became of the marker on one path."""

    path: str
    outcome: Outcome
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Passed, or skipped because its optional package is not installed."""
        return self.outcome in ("passed", "skipped")


def run_canary(
    paths: Mapping[str, WayOut] | None = None,
    *,
    take: Callable[[io.StringIO], AbstractContextManager[Any]] | None = None,
    marker: str | None = None,
) -> list[Probe]:
    """Send a marker down each path, and look for it in all that was written, in any form."""
    take = take or (lambda stream: take_over(stream=stream, level=logging.DEBUG))
    marker = marker or "canary" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(20))
    return [_probe(name, path, take, marker) for name, path in (paths or PATHS).items()]


def _probe(name: str, path: WayOut, take: Callable[[io.StringIO], Any], marker: str) -> Probe:
    streams = io.StringIO(), io.StringIO(), io.StringIO()
    with tempfile.TemporaryDirectory() as directory:
        with contextlib.redirect_stdout(streams[1]), contextlib.redirect_stderr(streams[2]):
            try:
                with take(streams[0]):
                    exported = path(marker, Path(directory)) or ""
            except ImportError as error:
                return Probe(name, "skipped", f"{error.name} is not installed")
            except Exception as error:  # noqa: BLE001 - a path that breaks is a finding, not the end
                return Probe(name, "broken", type(error).__name__)
        files = [file.read_bytes().decode("latin-1") for file in Path(directory).rglob("*") if file.is_file()]
    written = "\n".join([*(stream.getvalue() for stream in streams), exported, *files])
    form = next((form for form, text in forms(marker).items() if text in written), None)
    if form is not None:
        return Probe(name, "leaked", form)
    return Probe(name, "passed" if written.strip() else "silent")


def forms(marker: str) -> dict[str, str]:
    """The forms in which a marker is still readable."""
    encoded = [base64.b64encode(b"x" * pad + marker.encode()).decode() for pad in range(3)]
    return {
        "as it is": marker,
        "in capitals": marker.upper(),
        "in part": marker[6:18],
        "in hexadecimal": marker.encode().hex(),
        # The first and the last digits depend on what stands around it.
        **{f"in base64 ({pad})": text[4:-4] for pad, text in enumerate(encoded)},
    }


# ── the paths ───────────────────────────────────────────────────────────────────────────────────

log = logging.getLogger("labkit")


def _message(marker: str, _: Path) -> None:
    log.info(f"asked: {marker}")  # noqa: G004 - the mistake that is tried


def _argument(marker: str, _: Path) -> None:
    log.info("asked: %s", marker)


def _extra(marker: str, _: Path) -> None:
    log.info("call_finished", extra={"prompt": marker, marker: 1, "nested": {"deep": [marker]}})


def _abused_fields(marker: str, _: Path) -> None:
    names = ("model", "trace_id", "reason", "status", "task", "latency_ms", "cost", "account_id")
    log.info("call_finished", extra=dict.fromkeys(names, marker))


def _exception(marker: str, _: Path) -> None:
    try:
        int(marker)
    except ValueError:
        log.exception("call_failed")


def _chained(marker: str, _: Path) -> None:
    try:
        try:
            int(marker)
        except ValueError as error:
            raise KeyError(marker) from error
    except KeyError:
        log.exception("call_failed")


def _uncaught(marker: str, _: Path) -> None:
    try:
        int(marker)
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)


def _in_a_thread(marker: str, _: Path) -> None:
    thread = threading.Thread(target=int, args=(marker,))
    thread.start()
    thread.join()


def _warning(marker: str, _: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(marker, stacklevel=1)


def _third_party(marker: str, _: Path) -> None:
    for name in ("httpx", "httpcore.http11", "openai._base_client", "anthropic._base_client"):
        library = logging.getLogger(name)
        library.debug("headers %r", [("authorization", marker)])
        library.info("GET https://host/?key=%s", marker)
        library.warning("GET https://host/?key=%s", marker)


def _broken_arguments(marker: str, _: Path) -> None:
    log.info("%d %d", marker)  # noqa: PLE1206 - the mistake that is tried


def _structlog(marker: str, _: Path) -> str:
    import structlog  # noqa: PLC0415 - optional

    stream = io.StringIO()
    bound = structlog.wrap_logger(
        structlog.PrintLogger(stream), processors=[structlog_processor(), structlog.processors.JSONRenderer()]
    )
    try:
        int(marker)
    except ValueError:
        bound.exception(marker, model=marker, prompt=marker)
    return stream.getvalue()


def _abused_record(marker: str) -> CallRecord:
    attempt = Attempt(1, 0.0, 1.0, "failed", Kind.UNKNOWN, marker, None, marker, marker, marker)
    record = CallRecord(marker, marker, marker, marker, 1.0, Kind.UNKNOWN, marker)
    return replace(
        record,
        provider=marker,
        response_id=marker,
        response_model=marker,
        attempts=(attempt,),
        rate_card=marker,
    )


def _jsonl_sink(marker: str, directory: Path) -> None:
    JsonlSink(directory / "calls.jsonl")(_abused_record(marker))


def _sqlite_sink(marker: str, directory: Path) -> None:
    sink = SqliteSink(directory / "calls.db")
    sink(_abused_record(marker))
    sink.close()


def _logging_sink(marker: str, _: Path) -> None:
    LoggingSink()(_abused_record(marker))


def _trace_export(marker: str, _: Path) -> str:
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - optional
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: PLC0415

    spans, metrics, tracers = InMemorySpanExporter(), InMemoryMetricReader(), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    OtelSink(tracers, MeterProvider([metrics]))(_abused_record(marker))
    shown = [span.to_json() for span in spans.get_finished_spans()]
    return "\n".join([*shown, str(metrics.get_metrics_data())])


def _fingerprint(marker: str, _: Path) -> None:
    fingerprint = Fingerprinter({"canary": secrets.token_hex(16)}, purpose="canary")
    log.info("call_finished", extra={"question_fingerprint": fingerprint(marker)})


#: Every path of the core. The laboratory adds its own: cassettes and a notebook's traceback.
PATHS: Mapping[str, WayOut] = MappingProxyType(
    {
        "message": _message,
        "argument": _argument,
        "broken arguments": _broken_arguments,
        "extra": _extra,
        "abused fields": _abused_fields,
        "exception": _exception,
        "chained exception": _chained,
        "uncaught exception": _uncaught,
        "exception in a thread": _in_a_thread,
        "warning": _warning,
        "third-party loggers": _third_party,
        "structlog": _structlog,
        "fingerprint": _fingerprint,
        "record in JSON Lines": _jsonl_sink,
        "record in SQLite": _sqlite_sink,
        "record in the log": _logging_sink,
        "trace export": _trace_export,
    }
)
