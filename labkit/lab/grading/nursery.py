"""The warm parent inside the sandbox: it imports once, then forks a walled-off child for each submission.

A fresh interpreter costs a grader more than the grading. A fork costs milliseconds, but a fork alone shares
too much: processes to kill, files to leave behind for the next student. So each child gets namespaces of its
own (user, mount, pid, network, ipc), an empty /tmp and /proc, limits, no capabilities and no descriptor but
the one that its result goes to. This parent never runs a line of a submission.

Started by sandbox.py inside bubblewrap; speaks length-prefixed JSON on its standard streams.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from labkit.lab.grading import child

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
ALL_OF_THEM = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
MS_NOSUID, MS_NODEV, MS_BIND, MS_MOVE, MS_REC = 2, 4, 0x1000, 0x2000, 0x4000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
SYS_CAPSET = {"x86_64": 126, "aarch64": 91, "riscv64": 91}
LOOK_EVERY = 0.01  # seconds between two looks at the child: for root, the kernel counts no processes
# What exercises import: forked children find it loaded.
WARM = (
    "asyncio",
    "decimal",
    "hashlib",
    "hmac",
    "sqlite3",
    "labkit.boundary",
    "labkit.lab.case",
    "labkit.costs",
)

libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Answer plans until the stream ends."""
    for name in WARM:
        importlib.import_module(name)
    for path in sorted((Path(child.__file__).parent / "bank" / "probes").glob("e*.py")):
        importlib.import_module(f"labkit.lab.grading.bank.probes.{path.stem}")
    gc.collect()
    gc.freeze()  # a collection in a child would touch, and so copy, every page that it shares with us
    source, target = sys.stdin.buffer, sys.stdout.buffer
    write(target, {"ready": True})
    while (plan := read(source)) is not None:
        write(target, look_after(plan))


def read(source: BinaryIO) -> Any:
    """One message, or None at the end of the stream."""
    head = source.read(4)
    return json.loads(source.read(struct.unpack(">I", head)[0])) if len(head) == 4 else None


def write(target: BinaryIO, message: dict[str, Any]) -> None:
    """One message."""
    body = json.dumps(message).encode()
    target.write(struct.pack(">I", len(body)) + body)
    target.flush()


def look_after(plan: dict[str, Any]) -> dict[str, Any]:
    """Fork, wait within the limits, and say how it ended: `{"ended": "timeout", "result": None}`."""
    limits = plan["limits"]
    ours, theirs = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        with contextlib.suppress(BaseException):
            os.close(ours)
            keep(plan, theirs)
        os._exit(70)
    os.close(theirs)
    ended, raw = collect(ours, limits)
    os.close(ours)
    os.kill(keeper, signal.SIGKILL)  # and with it, by its death signal, the child and all its namespace
    _, status = os.waitpid(keeper, 0)
    wait_until_gone()
    if ended is None and os.WIFEXITED(status) and os.WEXITSTATUS(status) == 70:
        return {"ended": "grader_error", "result": None}
    result = child.unframe(raw) if ended is None else None
    if ended is None and result is None:
        ended = "killed"
    return {"ended": ended or "done", "result": result}


def collect(ours: int, limits: dict[str, Any]) -> tuple[str | None, bytes]:
    """Read what the child writes until it closes, or a limit is reached; say which."""
    ends = time.monotonic() + limits["seconds"]
    raw = bytearray()
    while True:
        left = ends - time.monotonic()
        if left <= 0:
            return "timeout", b""
        if select.select([ours], [], [], min(left, LOOK_EVERY))[0]:
            part = os.read(ours, 65536)
            if not part:
                return None, bytes(raw)
            raw += part
            if len(raw) > child.MOST_RESULT:
                return "killed", b""
        elif len(processes := others()) >= limits["processes"]:
            return "killed", b""
        elif memory_of(processes) > limits["memory"]:
            return "out_of_memory", b""


def others() -> list[Path]:
    """Every process in this sandbox but its first two: bubblewrap's own, and this one."""
    ours = {"1", str(os.getpid())}
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and entry.name not in ours]


def memory_of(processes: list[Path]) -> int:
    """Bytes that they use together; what forks share counts once."""
    total = 0
    for process in processes:
        with contextlib.suppress(OSError, IndexError, ValueError):
            told = (process / "smaps_rollup").read_text()
            total += (
                next(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:")) * 1024
            )
    return total


def wait_until_gone(seconds: float = 5.0) -> None:
    """The next submission starts alone: what the last one left is dead, and its memory given back."""
    ends = time.monotonic() + seconds
    while others() and time.monotonic() < ends:
        time.sleep(0.002)


def keep(plan: dict[str, Any], result: int) -> None:
    """In the keeper: wall off, fork the child as process 1 of its own namespace, and wait for it."""
    wall_off()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            os.setsid()  # kill(0) reaches the whole process group, through every namespace
            run(plan, result)
        os._exit(71)
    os.close(result)
    os.waitpid(pid, 0)
    os._exit(0)


def wall_off() -> None:
    """Namespaces of its own. Raises OSError where the kernel refuses."""
    user, group = os.getuid(), os.getgid()
    checked(libc.unshare(ALL_OF_THEM))
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        Path(f"/proc/self/{name}").write_text(text)


def run(plan: dict[str, Any], result: int) -> None:
    """In the child: limits, an empty world, then the submission. Never returns."""
    limits = plan["limits"]
    own_tmp(limits["disk"])
    mount_empty(b"/dev/shm", b"size=1m,mode=1777")
    mount_empty(b"/proc", b"size=4k")
    for what, most in (
        (resource.RLIMIT_CPU, int(limits["seconds"]) + 1),
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["disk"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    drop_capabilities()
    os.nice(10)  # whoever looks after a fork bomb must get its turn
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(3, result)
    os.closerange(result + 1, 4096)
    os.environ["HOME"] = "/tmp"
    os.chdir(os.environ["HOME"])
    with os.fdopen(result, "wb") as target:
        target.write(child.frame(child.answer(plan)))
    os._exit(0)


def own_tmp(size: int) -> None:
    """An empty /tmp, but for a Python or a labkit that lies there: those are bound into it as they are."""
    mount_empty(b"/scratch", b"size=%d,mode=1777" % size)
    for place in filter(None, os.environ.pop(child.UNDER_TMP, "").split(os.pathsep)):
        inner = "/scratch" + place.removeprefix("/tmp")
        Path(inner).mkdir(parents=True)
        checked(libc.mount(place.encode(), inner.encode(), None, MS_BIND | MS_REC, None))
    checked(libc.mount(b"/scratch", b"/tmp", None, MS_MOVE, None))


def mount_empty(place: bytes, options: bytes) -> None:
    """An empty file system in memory."""
    checked(libc.mount(b"tmpfs", place, b"tmpfs", MS_NOSUID | MS_NODEV, options))


def drop_capabilities() -> None:
    """A new user namespace comes with every capability within it; the submission gets none."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    checked(libc.syscall(SYS_CAPSET[os.uname().machine], header, (ctypes.c_uint32 * 6)()))


def checked(returned: int) -> None:
    """Raise OSError where the kernel said no."""
    if returned != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main()
