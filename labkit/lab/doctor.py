"""``labkit doctor``: what this machine has, what it lacks, and how to mend it.

"It does not work here" can be a proxy, a full disk, a foreign kernel or a missing package, and looks the
same in a notebook. Each check below looks for one of them and names its fix.

    doctor()    # prints a table; returns 1 if something that the lab needs is missing, else 0

Chromium and bubblewrap are wanted, not needed: without them the lab runs, some tests skip and grading is
less strict. Variables are reported as set or not set; their values are never read into a message.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from labkit.bootstrap.environment import LAB_LOCK, TEST_LOCK, checkout, inside, is_ready, read_stamp
from labkit.lab.house import house

WANTED = ("LLM_API_KEY", "LLM_BASE_URL")
INHERITED = {
    "HTTPS_PROXY": "used while installing, and towards a real provider",
    "PYTHONPATH": "if imports fail, unset it: a folder named there can hide the lab's packages",
    "PYTHONHOME": "unset it: Python looks for its library there",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")


@dataclass(frozen=True)
class Check:
    """One thing looked at. ``needed`` says whether the lab can run without it."""

    name: str
    passed: bool
    found: str
    fix: str = ""
    needed: bool = True

    @property
    def state(self) -> str:
        """``ok``, ``missing`` (needed) or ``optional`` (wanted, and the lab runs without it)."""
        return "ok" if self.passed else "missing" if self.needed else "optional"


def doctor() -> int:
    """Look, print the table and the fixes, and return 1 if something needed is missing."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table("check", "state", "found", "what to do", title="labkit doctor")
    colours = {"ok": "green", "missing": "bold red", "optional": "yellow"}
    checks = list(examine(house()))
    for check in checks:
        shown = f"[{colours[check.state]}]{check.state}[/]"
        table.add_row(check.name, shown, check.found, "" if check.passed else check.fix)
    console = Console()
    console.print(table)
    missing = [check.name for check in checks if check.state == "missing"]
    console.print(f"Missing: {', '.join(missing)}." if missing else "The lab can run here.")
    return int(bool(missing))


def examine(home: Path) -> Iterator[Check]:
    """Run every check, in the order in which one can spoil the next."""
    looks: list[Callable[[Path], Check]] = [python, environment, locked_packages, kernel, port, space]
    for look in [*looks, write_access, chromium, bubblewrap]:
        yield look(home)
    yield secrets_file(home)
    yield from variables(os.environ)


def python(_home: Path) -> Check:
    """Python 3.11 or newer."""
    found = f"{sys.version.split()[0]} at {sys.executable}"
    return Check("Python", sys.version_info >= (3, 11), found, "install Python 3.11 or newer")


def environment(home: Path) -> Check:
    """The environment was finished, for the lock as it is now."""
    if checkout() is None:
        return Check("environment", True, f"installed as a package in {sys.prefix}")
    if not inside(home):
        return Check("environment", True, f"{sys.prefix}, chosen by you")
    ready = is_ready(read_stamp(home / ".venv"), home, LAB_LOCK)
    found = "made from the lock as it is" if ready else "unfinished, or the lock has changed since"
    return Check("environment", ready, found, "run: python3 -m labkit start")


def locked_packages(home: Path) -> Check:
    """Every package that the lock names for this machine is here, in its version."""
    stamp = read_stamp(home / ".venv") or {}
    made_from = stamp.get("locks")
    lock = home / (TEST_LOCK if isinstance(made_from, dict) and TEST_LOCK in made_from else LAB_LOCK)
    if not lock.is_file():
        return Check("packages", True, "no lock here to compare with")
    pinned = list(pins(lock.read_text(encoding="utf-8")))
    wrong = [
        f"{name} {here or 'absent'}, not {wanted}"
        for name, wanted in pinned
        if (here := version(name)) != wanted
    ]
    found = f"{len(pinned) - len(wrong)} of {len(pinned)} as in {lock.name}"
    if wrong:
        found += f": {'; '.join(wrong[:4])}{' …' if len(wrong) > 4 else ''}"
    return Check("packages", not wrong, found, "delete the folder .venv, then run: python3 -m labkit start")


def pins(lock: str) -> Iterator[tuple[str, str]]:
    """Yield name and version of every pin in a lock that applies to this machine."""
    from packaging.requirements import Requirement  # noqa: PLC0415

    for line in lock.splitlines():
        if line[:1].isalnum():
            requirement = Requirement(line.rstrip(" \\"))
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement.name, str(requirement.specifier).removeprefix("==")


def version(name: str) -> str | None:
    """Return the installed version of a package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def kernel(_home: Path) -> Check:
    """A kernel named python3 starts, runs one line, and runs it in this very Python."""
    fix = "run: python3 -m labkit start. If it stays, look for a kernel of your own: jupyter kernelspec list"
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    try:
        from jupyter_client.manager import start_new_kernel  # noqa: PLC0415

        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        manager, client = start_new_kernel(startup_timeout=30, kernel_name="python3", **quiet)
    except Exception as error:  # noqa: BLE001 - whatever stops it is the finding
        return Check("kernel", False, f"does not start: {type(error).__name__}", fix)
    try:
        reply = client.execute_interactive(
            "import sys",
            user_expressions={"prefix": "sys.prefix"},
            timeout=30,
            output_hook=lambda _message: None,
        )
        prefix = reply["content"]["user_expressions"]["prefix"]["data"]["text/plain"].strip("'\"")
    except Exception as error:  # noqa: BLE001
        return Check("kernel", False, f"starts, and does not run code: {type(error).__name__}", fix)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    same = Path(prefix).resolve() == Path(sys.prefix).resolve()
    return Check(
        "kernel", same, "starts, and is this Python" if same else f"is another Python: {prefix}", fix
    )


def port(_home: Path) -> Check:
    """A port of the loopback address can be opened and reached."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=5).close()
    except OSError as error:
        fix = "allow programs to listen on 127.0.0.1 in your firewall or sandbox"
        return Check("port", False, f"127.0.0.1: {error.strerror or type(error).__name__}", fix)
    return Check("port", True, "127.0.0.1 can be listened on and reached")


def space(home: Path) -> Check:
    """The disk has room for notebooks, records and caches."""
    free = shutil.disk_usage(home).free // 1_000_000
    return Check("disk", free >= 100, f"{free} MB free", "free at least 100 MB")


def write_access(home: Path) -> Check:
    """The learner's copies can be written."""
    folder = home / "work" if (home / "work").is_dir() else home
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        fix = f"copy {home.name} to a folder that you own, and run it there"
        return Check("write access", False, f"{folder}: {error.strerror}", fix)
    return Check("write access", True, str(folder))


def chromium(_home: Path) -> Check:
    """A browser for the browser tests. A learner's own browser needs no check."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    fix = "for the browser tests only: sudo apt-get install chromium"
    return Check("Chromium", found is not None, found or "not on the path", fix, needed=False)


def bubblewrap(_home: Path) -> Check:
    """A sandbox for grading other people's code: there, and allowed to make namespaces."""
    if sys.platform != "linux":
        found = f"not for {sys.platform}"
        return Check("bubblewrap", False, found, "grade other people's code on Linux only", needed=False)
    program = shutil.which("bwrap")
    if program is None:
        fix = "for grading other people's code: sudo apt-get install bubblewrap"
        return Check("bubblewrap", False, "not on the path", fix, needed=False)
    trial = subprocess.run(  # noqa: S603 - the program was found on the path
        [program, "--ro-bind", "/", "/", "--unshare-all", "true"],
        capture_output=True,
        timeout=20,
        check=False,
    )
    fix = "this machine forbids user namespaces: grade on one that allows them"
    found = program if trial.returncode == 0 else f"{program} cannot make a sandbox"
    return Check("bubblewrap", trial.returncode == 0, found, fix, needed=False)


def secrets_file(home: Path) -> Check:
    """A ``.env`` that others can read, or that git would take along, leaks what it holds."""
    from labkit.hygiene import check_env_file  # noqa: PLC0415

    path = home / ".env"
    amiss = check_env_file(path)
    found = " ".join(advice.message for advice in amiss) or (
        "well kept" if path.exists() else "there is none"
    )
    return Check(".env", not amiss, found, " ".join(advice.fix for advice in amiss), needed=False)


def variables(environ: Mapping[str, str]) -> Iterator[Check]:
    """Say of each variable whether it is set, never what it holds."""
    for name in WANTED:
        found = "set" if environ.get(name) else "not set"
        fix = "set it to reach a real provider; the practice provider needs none"
        yield Check(name, found == "set", found, fix, needed=False)
    for name, note in INHERITED.items():
        found = "set" if environ.get(name) else "not set"
        yield Check(name, found == "not set", found, note, needed=False)
