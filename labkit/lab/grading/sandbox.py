"""Run strangers' code so that the worst of it ends in a named outcome for that student alone.

    with Sandbox() as sandbox:
        ran = sandbox.run(plan)          # Ran("done", {"observations": …}), Ran("timeout", None), …

Bubblewrap gives it a read-only view of Python and of labkit without the judges, no network, no environment
and no other processes; nursery.py forks a child with walls of its own for each submission. Without bubblewrap
there is no sandbox: `Plain` runs a subprocess and holds the clock, for one's own code.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import labkit
from labkit.failures import LabkitError
from labkit.lab.grading import child
from labkit.lab.grading.child import UNDER_TMP

PACKAGE = Path(labkit.__file__).parent
# What a submission must not read: the judges, and the solutions where they are installed with the package.
HIDDEN = ("lab/grading/bank/judges", "course/solutions")
START_SECONDS = 30.0
ANSWER_GRACE = 30.0  # seconds beyond a submission's own that a busy machine may need to clear up after it


class NoSandbox(LabkitError):
    """Strangers' code cannot be run safely on this machine. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one submission may use: seconds by the wall clock, bytes of memory and disk, processes."""

    seconds: float = 30.0
    memory: int = 1 << 30
    disk: int = 32 << 20
    processes: int = 32


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended: done, timeout, killed, out_of_memory or grader_error; its result if there is one."""

    ended: str
    result: dict[str, Any] | None


class Runner(Protocol):
    """Whatever can run a plan."""

    def run(self, plan: dict[str, Any], limits: Limits = ...) -> Ran:
        """Run one submission."""


class Sandbox:
    """A bubblewrap sandbox with a warm nursery in it. One submission at a time; use one for each worker."""

    def __init__(self) -> None:
        self._bwrap = shutil.which("bwrap")
        if self._bwrap is None:
            raise NoSandbox(
                "bubblewrap is not installed, so strangers' code would run unprotected. On Debian or Ubuntu: "
                "apt-get install bubblewrap. On other systems, grade in a Linux container or virtual machine"
            )
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, plan: dict[str, Any], limits: Limits = Limits()) -> Ran:
        """Run one submission. A nursery that dies is replaced, and its submission is not to blame."""
        try:
            answer = self._ask({**plan, "limits": asdict(limits)}, limits.seconds + ANSWER_GRACE)
        except (OSError, EOFError, ValueError):
            self.close()
            return Ran("grader_error", None)
        return Ran(answer["ended"], answer["result"])

    def start(self) -> None:
        """Start the nursery. Raises `NoSandbox` where the system does not allow one."""
        self._process = subprocess.Popen(
            [*self._walls(), sys.executable, "-I", "-m", "labkit.lab.grading.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            self._receive(START_SECONDS)
        except (OSError, EOFError, ValueError):
            self._process.kill()
            told = self._process.communicate()[1].decode(errors="replace").strip().splitlines()
            self._process = None
            raise NoSandbox(
                f"bubblewrap could not start ({told[-1] if told else 'no reason given'}). It needs user "
                "namespaces: see kernel.unprivileged_userns_clone, or the AppArmor restriction on Ubuntu"
            ) from None
        ran = self.run({"cells": [], "exercise": "06", "cases": {}})
        if ran.ended != "done":
            self.close()
            raise NoSandbox(
                "this kernel refuses namespaces within the sandbox; grade in a virtual machine, or on a host "
                "that allows nested user namespaces (user.max_user_namespaces)"
            )

    def _ask(self, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        if self._process is None:
            self.start()
        assert self._process is not None  # noqa: S101 - start() made it
        assert self._process.stdin is not None  # noqa: S101
        body = json.dumps(message).encode()
        self._process.stdin.write(struct.pack(">I", len(body)) + body)
        self._process.stdin.flush()
        return self._receive(seconds)

    def _receive(self, seconds: float) -> dict[str, Any]:
        assert self._process is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        descriptor, ends = self._process.stdout.fileno(), time.monotonic() + seconds
        size = struct.unpack(">I", _read_exactly(descriptor, 4, ends))[0]
        message: dict[str, Any] = json.loads(_read_exactly(descriptor, size, ends))
        return message

    def _walls(self) -> list[str]:
        """The bubblewrap command line: what can be seen, and nothing else."""
        wall = [self._bwrap or "bwrap", "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc"]
        wall += [
            "--unshare-uts",
            "--hostname",
            "lab",
            "--uid",
            "65534",
            "--gid",
            "65534",
            "--die-with-parent",
        ]
        wall += [
            "--new-session",
            "--clearenv",
            "--setenv",
            "HOME",
            "/tmp",
            "--setenv",
            "PATH",
            "/usr/bin:/bin",
        ]
        wall += ["--setenv", "PYTHONDONTWRITEBYTECODE", "1"]
        wall += ["--setenv", UNDER_TMP, os.pathsep.join(under_tmp(_readable()))]
        wall += ["--dir", "/scratch", "--tmpfs", "/tmp"]
        for place in _readable():
            wall += ["--ro-bind", place, place]
        for link in ("/bin", "/lib", "/lib64"):
            if Path(link).is_symlink():
                wall += ["--symlink", str(Path(link).readlink()), link]
        for hidden in HIDDEN:
            if (PACKAGE / hidden).is_dir():
                wall += ["--tmpfs", str(PACKAGE / hidden)]
        wall += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
        return [*wall, "--remount-ro", "/", "--chdir", "/"]

    def close(self) -> None:
        """End the nursery and everything in it."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Plain:
    """A fresh subprocess for each submission, with no walls: for one's own work only."""

    def run(self, plan: dict[str, Any], limits: Limits = Limits()) -> Ran:
        """Run one submission."""
        try:
            done = subprocess.run(
                [sys.executable, "-m", "labkit.lab.grading.child"],
                input=json.dumps(plan).encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=limits.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Ran("timeout", None)
        result = child.unframe(done.stdout)
        return Ran("done" if result is not None else "killed", result)


def _readable() -> list[str]:
    """System libraries, Python, its packages, and labkit: each once, none inside another."""
    wanted = ["/usr", "/etc/ld.so.cache", sys.base_prefix, sys.prefix, str(PACKAGE)]
    wanted += [place for place in ("/bin", "/lib", "/lib64") if not Path(place).is_symlink()]
    there = sorted({str(Path(place).resolve()) for place in wanted if Path(place).exists()})
    return [place for place in there if not any(place.startswith(f"{other}/") for other in there)]


def under_tmp(places: Iterable[str]) -> list[str]:
    """The places that an empty /tmp would cover: the nursery binds them into each submission's own."""
    return [place for place in places if place.startswith("/tmp/")]


def _read_exactly(descriptor: int, size: int, ends: float) -> bytes:
    found = bytearray()
    while len(found) < size:
        left = ends - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            raise EOFError
        part = os.read(descriptor, size - len(found))
        if not part:
            raise EOFError
        found += part
    return bytes(found)


def sandbox_available() -> str | None:
    """None where strangers' code can be run safely, else why not."""
    try:
        with contextlib.closing(Sandbox()) as sandbox:
            sandbox.start()
    except NoSandbox as refused:
        return str(refused)
    return None
