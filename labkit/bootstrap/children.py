"""Run one child process at a time, and never leave it behind.

Without this page Ctrl-C stops the parent and not ``pip``, which goes on writing into a folder that the next
run believes to be its own.

    with only_one(Path(".venv.lock")) as held, signals_end_the_child():
        code, said = run([sys.executable, "-m", "venv", ".venv"], held)
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from labkit.bootstrap.words import Stop

STOPPERS = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextlib.contextmanager
def only_one(house: Path) -> Iterator[int]:
    """Hold ``.venv.lock`` while making ``.venv``; the system lets go of it when the holder dies."""
    with (house / ".venv.lock").open("a+", encoding="utf-8") as file:
        try:
            take(file.fileno())
        except OSError:
            file.seek(0)
            raise Stop(
                f"another labkit (process {file.read().strip() or 'unknown'}) is making .venv here.",
                "Wait until it is done, then run this again.",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()


def take(descriptor: int) -> None:
    """Lock an open file without waiting; raises OSError when another process holds it."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        # Byte 1000: Windows keeps others from reading a locked byte, and the process id must stay readable.
        os.lseek(descriptor, 1000, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class _Signals:
    """A stop that comes while a child is being started waits until the child is known."""

    starting = False
    waiting = False

    @classmethod
    def started(cls) -> None:
        """Let stops through again, the one that waited first."""
        cls.starting = False
        if cls.waiting:
            raise KeyboardInterrupt


@contextlib.contextmanager
def signals_end_the_child() -> Iterator[None]:
    """Turn Ctrl-C, a polite kill and a closed terminal into KeyboardInterrupt, never while a child starts."""

    def stop(_number: int, _frame: object) -> None:
        if _Signals.starting:
            _Signals.waiting = True
        else:
            raise KeyboardInterrupt

    before = {name: signal.getsignal(getattr(signal, name)) for name in STOPPERS}
    try:
        for name in STOPPERS:
            if before[name] is not signal.SIG_IGN:  # under nohup, a closed terminal is to be survived
                signal.signal(getattr(signal, name), stop)
        yield
    finally:
        for name in STOPPERS:
            signal.signal(getattr(signal, name), before[name])


def run(command: list[str], held: int, show: Callable[[str], object] = str) -> tuple[int, str]:
    """Run a child to its end; return its exit code and all it said. Whatever ends us ends it first.

    The child has a session of its own, so that one signal reaches its children too, and it inherits
    the lock file: were we killed outright, the lock stays taken until the child is gone as well.
    """
    posix = os.name == "posix"
    said = []
    child = None
    _Signals.starting = True
    try:
        child = subprocess.Popen(  # noqa: S603 - our own command line
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PIP_USER": "0", "PYTHONIOENCODING": "utf-8"},
            start_new_session=posix,
            pass_fds=(held,) if posix else (),
        )
        _Signals.started()
        for line in child.stdout or ():
            said.append(line)
            show(line)
        return child.wait(), "".join(said)
    except BaseException:
        _Signals.starting = False
        if child is not None:
            end(child)
        raise


def end(child: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """Stop a child and all that it started: politely, then after five seconds by force."""
    for name in STOPPERS:
        signal.signal(
            getattr(signal, name), signal.SIG_IGN
        )  # a second Ctrl-C must not leave the child behind
    for number in ("SIGTERM", "SIGKILL"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(child.pid, getattr(signal, number))
            else:
                child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5)
