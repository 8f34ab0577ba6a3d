"""A fair queue of processes before one file, kept by the kernel.

SQLite's own waiting sleeps in growing steps, so whoever just wrote usually writes again:
of 16 busy writers one did nearly everything and another waited for seconds.
The kernel's `flock` wakes the waiters at once instead:

    line = WaitingLine(Path("actions.db.lock"))
    if line.enter(wait_s=5.0):
        ...  # write
        line.leave()
"""

from __future__ import annotations

import errno
import os
import queue
import threading
from concurrent.futures import Future
from pathlib import Path

from labkit.idempotency.ledger import LedgerReadOnly, LedgerUnavailable

try:
    import fcntl
except ImportError:  # Windows: SQLite's own waiting has to do; it is safe, and less fair
    fcntl = None  # type: ignore[assignment]


class WaitingLine:
    """A queue of processes before one file, kept by the kernel (`flock`).

    `flock` knows no time limit, so the wait runs in a helper thread; the uncontended way never meets it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pid = 0
        self._file = -1
        self._asks: queue.SimpleQueue[tuple[int, Future[None]]] | None = None

    def enter(self, wait_s: float) -> bool:
        """Wait for the turn; False when it has not come in time."""
        if fcntl is None:
            return True
        file = self._open()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return self._queue(file, wait_s)
        return True

    def leave(self) -> None:
        """Let the next one in."""
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the lock file of this process."""
        if self._pid == os.getpid() and self._file >= 0 and self._asks is None:
            os.close(self._file)
        self._pid, self._file, self._asks = 0, -1, None

    def _open(self) -> int:
        if self._pid != os.getpid():  # a forked file descriptor shares its lock with the parent
            self._pid, self._asks = os.getpid(), None
            try:
                self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as error:
                self._pid = 0
                kind = (
                    LedgerReadOnly
                    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
                    else LedgerUnavailable
                )
                raise kind(
                    f"{self.path.name}: {error.strerror}; wanted a folder that this process may write"
                ) from error
        return self._file

    def _queue(self, file: int, wait_s: float) -> bool:
        if self._asks is None:
            self._asks = queue.SimpleQueue()
            threading.Thread(target=_wait_in_line, args=(self._asks,), daemon=True).start()
        turn: Future[None] = Future()
        self._asks.put((file, turn))
        try:
            turn.result(wait_s)
        except TimeoutError:
            turn.add_done_callback(lambda _: fcntl.flock(file, fcntl.LOCK_UN))
            return False
        return True


def _wait_in_line(asks: queue.SimpleQueue[tuple[int, Future[None]]]) -> None:
    while True:
        file, turn = asks.get()
        fcntl.flock(file, fcntl.LOCK_EX)
        turn.set_result(None)
