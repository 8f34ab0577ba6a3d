"""Who holds a claim, and whether that process still lives.

A lease alone makes everybody wait for a worker that is already dead; and a process number alone lies,
because numbers are used again and a container counts from one.
So an owner's name carries the boot, the process numbering, the process and its start:

    owner = new_owner()        # "9f3c1e2a:4026531836-4711-88215/5f0e9c21ab34"
    owner_is_gone(owner)       # True only when it is certain
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def new_owner() -> str:
    """Name a new claim's owner: machine, process and a fresh random part, so that no two claims share it."""
    return f"{_process(os.getpid())}/{secrets.token_hex(6)}"


def owner_is_gone(owner: str) -> bool:
    """Return True only when the owner's process certainly no longer runs: same machine, and no such process.

    On another machine, or where there is no /proc, nothing is certain and the answer is False.
    """
    try:
        machine, pid, started = owner.partition("/")[0].split("-")
    except ValueError:
        return False
    if not machine or machine != _machine():
        return False
    return started != _started(int(pid))


def _process(pid: int) -> str:
    if pid != _CACHED[0]:
        _CACHED[:] = [pid, f"{_machine()}-{pid}-{_started(pid)}"]
    return str(_CACHED[1])


def _machine() -> str:
    """One boot of one machine, and its process numbering: a container counts its processes afresh."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        return f"{boot}:{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process started, since numbers are used again; empty for one that is gone or only a zombie."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if after_name[0] in "ZX" else after_name[19]


_CACHED: list[object] = [0, ""]
