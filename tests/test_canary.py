"""The canary finds leaks where there are some, and none where logging is taken over."""

from __future__ import annotations

import contextlib
import io
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.canary import PATHS, forms, run_canary
from labkit.lab.canary_paths import LAB_PATHS
from labkit.redaction import take_over

#: The paths of issue 6 that the core and the laboratory have.
WANTED = {
    "message",
    "argument",
    "extra",
    "exception",
    "chained exception",
    "warning",
    "third-party loggers",
    "record in JSON Lines",
    "record in SQLite",
    "record in the log",
    "trace export",
    "structlog",
    "notebook traceback",
    "cassette",
}


def test_no_path_leaks() -> None:
    """Under the take-over the marker comes out nowhere, and every path wrote something."""
    probes = run_canary({**PATHS, **LAB_PATHS})

    assert {probe.path for probe in probes} >= WANTED
    assert [probe for probe in probes if probe.outcome != "passed"] == []


@contextlib.contextmanager
def usual_logging(stream: io.StringIO) -> Iterator[None]:
    """What most programs do: a handler on the root, messages formatted."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    with take_over(stream=stream, level=logging.DEBUG):
        root = logging.getLogger()
        root.handlers = [handler]
        yield


def test_usual_logging_is_found_out() -> None:
    """The canary bites: with an ordinary formatter, messages, arguments and exceptions leak."""
    found = {probe.path: probe.outcome for probe in run_canary(take=usual_logging)}

    for path in (
        "message",
        "argument",
        "broken arguments",
        "exception",
        "chained exception",
        "uncaught exception",
        "warning",
        "third-party loggers",
    ):
        assert found[path] == "leaked", path


@contextlib.contextmanager
def no_logging(stream: io.StringIO) -> Iterator[None]:
    """A set-up that writes nothing."""
    with take_over(stream=stream):
        logging.getLogger().handlers = [logging.NullHandler()]
        yield


def test_silence_is_not_safety() -> None:
    """A path that wrote nothing proves nothing, and does not count as passed."""
    (probe,) = run_canary({"message": PATHS["message"]}, take=no_logging)

    assert probe.outcome == "silent"
    assert not probe.ok


def test_a_path_that_breaks_is_a_finding() -> None:
    """An error on a path is named by its type, and the other paths are still tried."""

    def broken(marker: str, _: Path) -> None:
        raise LookupError(marker)

    first, second = run_canary({"broken": broken, "message": PATHS["message"]})

    assert (first.outcome, first.detail) == ("broken", "LookupError")
    assert second.outcome == "passed"


def test_an_optional_package_may_be_missing() -> None:
    """A path whose package is not installed is skipped by name."""

    def optional(_marker: str, _: Path) -> None:
        raise ModuleNotFoundError(name="structlog")

    (probe,) = run_canary({"structlog": optional})
    assert (probe.outcome, probe.detail, probe.ok) == ("skipped", "structlog is not installed", True)


@pytest.mark.parametrize("form", list(forms("canaryabcdefghijklmnopqrst")))
def test_every_form_is_seen(form: str) -> None:
    """Encoded, in capitals or cut: a marker in a file is found in each form."""

    def leaky(marker: str, directory: Path) -> None:
        (directory / "file").write_text(f"xx{forms(marker)[form]}yy", "utf-8")

    (probe,) = run_canary({"leaky": leaky})
    assert probe.outcome == "leaked"


def test_the_marker_is_new_each_time() -> None:
    """An old marker in an old file cannot be mistaken for a leak."""
    seen: list[str] = []

    def look(marker: str, _: Path) -> str:
        seen.append(marker)
        return "x"

    run_canary({"look": look})
    run_canary({"look": look})
    assert len(set(seen)) == 2


def test_the_core_stays_light() -> None:
    """Importing redaction loads neither sqlite3, pandas, OpenTelemetry nor structlog."""
    code = (
        "import sys, labkit.redaction, labkit.sinks, labkit.spending; "
        "print([m for m in ('sqlite3', 'pandas', 'opentelemetry', 'structlog') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
