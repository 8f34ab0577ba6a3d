"""``labkit start``: a real call first, then the learner's copies, then JupyterLab at the first lesson.

Without this page a broken installation shows itself in the middle of a lesson on broken calls, where nobody
can tell the two apart. So one call is made before anything opens, and its result is one line.

    start(browser=True, port=0)    # returns when JupyterLab has ended; 0 picks a free port

What is said when a part fails names the part and what to do. JupyterLab's own log is ``work/.jupyter.log``.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import typer

from labkit.bootstrap.children import end, signals_end_the_child
from labkit.bootstrap.words import Stop
from labkit.lab.feed import VARIABLE
from labkit.lab.house import copy_all, house

SETTINGS = Path(__file__).with_name("jupyter")
PATIENCE = 60.0  # seconds for JupyterLab to come up on a slow, cold disk

Say = Callable[[str], None]


def start(*, browser: bool, port: int, home: Path | None = None, say: Say = typer.echo) -> int:
    """Run the lab until it is stopped; return the exit code."""
    home = home or house()
    say(self_check())
    say(f"your copies, in {home / 'work'}: {copy_all(home).sentence()}")
    port = port or free_port()
    log = home / "work" / ".jupyter.log"
    log.parent.mkdir(exist_ok=True)
    if is_root():
        say("running as root, as containers do: JupyterLab is told to allow it (--allow-root)")
    say(f"starting JupyterLab, which takes some seconds; its log is {log}")
    with signals_end_the_child(), private(log) as sink:
        server = subprocess.Popen(  # noqa: S603 - our own command line
            command(home, port),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=environment(os.environ, home),
            start_new_session=os.name == "posix",
        )
        try:
            show(
                address(server, port, first_lesson(home), log),
                browser=browser,
                say=say,
                screen=has_screen(os.environ),
            )
            server.wait()
        except KeyboardInterrupt:
            say("\nstopping JupyterLab and its kernels")
            end(server)
            return 0
        except BaseException:
            end(server)
            raise
    raise Stop("JupyterLab ended by itself.", f"Its log says why: {log}")


def self_check() -> str:
    """Make one real call through the practice provider; return its result in one line."""
    began = time.monotonic()
    from labkit import Boundary, Failure  # noqa: PLC0415
    from labkit.lab.case import EVIDENCE, TASK  # noqa: PLC0415
    from labkit.lab.provider import MODELS, practice  # noqa: PLC0415

    with (
        practice() as provider,
        Boundary.open("openai", provider.base_url, provider.key, model=MODELS[0]) as boundary,
    ):
        outcome = boundary.call(TASK, EVIDENCE)
    if isinstance(outcome, Failure):
        raise Stop(
            f"the self-check call ended as {outcome.kind}: {outcome.reason}",
            "Run labkit doctor. A proxy setting or a firewall may stand between this machine and itself.",
        )
    lines = ", ".join(outcome.value.source_line_ids)
    return (
        f"self-check: one call to the practice provider: {outcome.value.decision},"
        f" {outcome.value.rotation_window_days} days, by {lines}"
        f" ({len(outcome.record.attempts)} attempt, {time.monotonic() - began:.1f} s with loading)"
    )


def free_port() -> int:
    """Return a port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_root() -> bool:
    """Say whether we run as root, which JupyterLab refuses unless it is told to allow it."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def command(home: Path, port: int) -> list[str]:
    """Return JupyterLab's command line. Its token stays: on a shared machine loopback is not private."""
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={home}",
        *(["--allow-root"] if is_root() else []),
    ]


def environment(inherited: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return JupyterLab's variables: no news prompt, no update check, this Python's kernel, the journal."""
    paths = [str(SETTINGS), inherited.get("JUPYTER_CONFIG_PATH", "")]
    return {
        **inherited,
        "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, paths)),
        "JUPYTER_PREFER_ENV_PATH": "1",
        VARIABLE: inherited.get(VARIABLE) or str(home / "work" / "journal.jsonl"),
    }


def first_lesson(home: Path) -> str:
    """Return the path of lesson 00 as JupyterLab knows it, or an empty one while there are no lessons."""
    lessons = sorted((home / "work" / "lessons").glob("00_*.ipynb"))
    return lessons[0].relative_to(home).as_posix() if lessons else ""


def address(server: subprocess.Popen[bytes], port: int, lesson: str, log: Path) -> str:
    """Wait until JupyterLab is up; return the address that opens the lesson. Raises Stop when it fails."""
    from jupyter_core.paths import jupyter_runtime_dir  # noqa: PLC0415

    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        for note in Path(jupyter_runtime_dir()).glob("jpserver-*.json"):
            with contextlib.suppress(OSError, ValueError):
                facts = json.loads(note.read_text(encoding="utf-8"))
                # A Windows environment's python.exe starts the real one, which has another process id.
                if facts["port"] == port and (os.name == "nt" or facts["pid"] == server.pid):
                    # The note comes a moment before the port is open: until then, this raises OSError.
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    tree = f"lab/tree/{quote(lesson)}" if lesson else "lab"
                    return f"{facts['url']}{tree}?token={facts['token']}"
        time.sleep(0.05)
    if server.poll() is None:
        raise Stop(f"JupyterLab did not come up within {PATIENCE:.0f} s.", f"Its log says why: {log}")
    tail = "\n  ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
    raise Stop(
        f"JupyterLab could not start. It said:\n  {tail}", "Try another port (--port), or: labkit doctor"
    )


def show(url: str, *, browser: bool, say: Say, screen: bool) -> None:
    """Open the lesson in the browser where there is one; print its address either way."""
    opened = browser and screen and webbrowser.open(url)
    if browser and not opened:
        say("no browser could be opened from here: open this address in yours")
    say(f"the lab is open at {url}")
    say("Ctrl-C here ends it.")


def has_screen(variables: Mapping[str, str]) -> bool:
    """Say whether a browser could show itself; else Python may start one inside this terminal."""
    if sys.platform in {"win32", "darwin"}:
        return True
    return any(variables.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def private(log: Path) -> BinaryIO:
    """Open the log for its owner alone: JupyterLab writes its token there."""
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
