"""The canary's paths through the laboratory: a notebook's traceback and a cassette.

Without them the self-test would stop at the core, and a lesson's outputs and recordings are files too.

    run_canary({**PATHS, **LAB_PATHS})
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from labkit.canary import PATHS, WayOut, run_canary
from labkit.deadline import Phases
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.tape import Recorder
from labkit.providers import OpenAIChat, Request, Response

__all__ = ["LAB_PATHS", "report"]

# In a process of its own: a second IPython shell would replace the running one's modules.
_SHELL = """
import logging, sys
from IPython.core.interactiveshell import InteractiveShell
from labkit.redaction import take_over
from traitlets.config import Config
marker = sys.stdin.read()
shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
with take_over(stream=sys.stdout, level=logging.DEBUG, shell=shell):
    shell.run_cell("secret = " + repr(marker) + "\\nint(secret)", store_history=False)
"""


def _notebook_traceback(marker: str, _: Path) -> str:
    """A cell that fails, with tracebacks shortened as `take_over(shell=get_ipython())` shortens them."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own text
        [sys.executable, "-c", _SHELL],
        input=marker,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout + done.stderr


class _Echo:
    """A provider that repeats what it was asked, in a cookie and in its error's text."""

    def exchange(self, request: Request, _seconds: float, _phases: Phases) -> Response:
        asked = str(request.body["messages"][-1]["content"]).rpartition("\n")[2]
        body = json.dumps({"error": {"message": f"cannot read: {asked}", "type": "invalid_request_error"}})
        return Response(400, {"set-cookie": asked, "content-type": "application/json"}, body.encode())

    def close(self) -> None:
        """Nothing is open."""


def _cassette(marker: str, directory: Path) -> None:
    """A question, and an answer that repeats it, recorded."""
    request = OpenAIChat().request(replace(TASK, customer_question=marker), EVIDENCE, "practice-1")
    with Recorder(_Echo(), directory / "call.jsonl", salt=secrets.token_hex(8)) as tape:
        tape.exchange(request, 1.0, Phases())


LAB_PATHS: Mapping[str, WayOut] = MappingProxyType(
    {"notebook traceback": _notebook_traceback, "cassette": _cassette}
)


def report() -> int:
    """Print what became of the marker on each path; 1 when one leaked, broke or wrote nothing."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    probes = run_canary({**PATHS, **LAB_PATHS})
    shown = Table("path", "outcome", "detail", title="labkit doctor --canary")
    for probe in probes:
        shown.add_row(probe.path, f"[{'green' if probe.ok else 'bold red'}]{probe.outcome}[/]", probe.detail)
    console = Console()
    console.print(shown)
    bad = [probe.path for probe in probes if not probe.ok]
    console.print(f"Look at: {', '.join(bad)}." if bad else "The marker came out nowhere.")
    return int(bool(bad))
