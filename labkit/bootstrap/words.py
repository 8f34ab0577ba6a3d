"""What setting up says: one line for each step, and for each way to fail a sentence with its fix.

Without this page a learner without a network reads sixty lines of ``pip`` and learns from none of them
what to do.

    with step("making .venv") as show:
        explained(run(command, held, show))    # raises Stop: the problem, then the fix
"""

import contextlib
import errno
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path


class Stop(Exception):
    """Setting up cannot go on: what is wrong, and what to do about it."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem}\n  {fix}")


@contextlib.contextmanager
def step(doing: str) -> Iterator[Callable[[str], None]]:
    """Say in one line what is being done and, when it is done, how long it took."""
    began = time.monotonic()
    live = sys.stderr.isatty()
    count = [0]

    def show(line: str) -> None:
        count[0] += line.startswith(("Collecting ", "Requirement already"))
        if live:
            state = "unpacking" if line.startswith("Installing") else f"{count[0]} fetched"
            sys.stderr.write(f"\rlabkit: {doing} … {state} ")
            sys.stderr.flush()

    sys.stderr.write(f"labkit: {doing} … ")
    sys.stderr.flush()
    yield show
    clear = f"\r\033[Klabkit: {doing} … " if live else ""
    sys.stderr.write(f"{clear}{time.monotonic() - began:.1f} s\n")
    sys.stderr.flush()


SIGNS = (
    (
        ("No space left on device", "Disk quota exceeded"),
        "the disk is full.",
        "Free some space, then run this again.",
    ),
    (
        ("DO NOT MATCH THE HASHES",),
        "a package is not the one that the lock was made from.",
        "Try again with PIP_NO_CACHE_DIR=1 set. If it stays, an index or proxy alters packages: stop.",
    ),
    (
        (
            "Cannot connect to proxy",
            "ConnectTimeoutError",
            "Connection broken",
            "Connection refused",
            "Connection reset",
            "Could not find a version that satisfies",
            "Failed to establish a new connection",
            "Network is unreachable",
            "Read timed out",
            "Temporary failure in name resolution",
            "getaddrinfo failed",
            "nodename nor servname",
        ),
        "the package index could not be reached, or lacks what the lock names.",
        "Connect this machine to the network (behind a proxy, set HTTPS_PROXY), then run this again.",
    ),
)


def explained(outcome: tuple[int, str]) -> None:
    """Raise Stop when a child failed: its words in full, then what they mean."""
    code, said = outcome
    if code == 0:
        return
    sys.stderr.write(f"failed\n{said}\n")
    for signs, problem, fix in SIGNS:
        if any(sign in said for sign in signs):
            raise Stop(problem, fix)
    raise Stop(
        f"the step above failed with exit code {code}.",
        "Its full output stands above; mend that, run this again.",
    )


def explain(error: OSError, house: Path) -> Stop:
    """Turn a refusal of the operating system into a sentence with its fix."""
    if error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}:
        return Stop("the disk is full.", f"Free some space on the disk of {house}, then run this again.")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return Stop(
            f"{error.filename or house} cannot be written.",
            "labkit makes .venv beside its code: copy this folder to one that you own, and run it there.",
        )
    return Stop(f"{error}.", f"Mend that for {house}, then run this again.")
