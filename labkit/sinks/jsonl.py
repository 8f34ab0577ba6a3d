"""Records as JSON Lines in a file that rotates, survives kill -9 and says what it could not read.

Without care a log file grows until the disk is full, two processes write into each other's lines, and
one torn line at the end of a crash makes the whole file unreadable.

    sink = JsonlSink("calls.jsonl", max_bytes=10_000_000, keep=5, max_age_days=30)
    log = read_jsonl("calls.jsonl")
    log.rows, log.skipped          # every whole row, oldest first; and each torn line, by place

One record is one `write` to a file opened for appending, so processes may share it. A killed process loses
at most the record it is writing; a power cut may lose more, unless `sync=True` (slower by the disk's delay).
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.failures import LabkitError
from labkit.records import CallRecord
from labkit.sinks.row import clean_row, unwritable

__all__ = ["JsonlLog", "JsonlSink", "Skipped", "read_jsonl"]

_ENCODE = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
_DAY_S = 86_400.0


class JsonlSink:
    """Append records to a file, and keep at most `keep` older files of `max_bytes` each.

    Older files are named by the time of rotation (`calls.20261124T061500-0001.jsonl`) and deleted beyond
    `keep`, or when older than `max_age_days`. The file is readable by its owner alone.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        max_bytes: int = 50_000_000,
        keep: int = 5,
        max_age_days: float | None = None,
        sync: bool = False,
        wall: Callable[[], float] = time.time,
    ) -> None:
        if max_bytes < 1 or keep < 0:
            raise LabkitError(f"max_bytes is {max_bytes}, keep is {keep}; wanted at least 1 and 0")
        self.path = Path(path)
        self._name = os.fspath(self.path)
        self.max_bytes, self.keep, self.max_age_days = max_bytes, keep, max_age_days
        self.sync, self._wall = sync, wall
        self._lock = threading.Lock()
        self._fd: int | None = None
        self._end = 0  # where this sink's last whole line ends
        #: Records that could not be written since this sink was made.
        self.lost = 0

    def __call__(self, record: CallRecord) -> None:
        """Append one record. Raises `SinkError` when it cannot be written, and tries afresh next time."""
        line = _ENCODE(clean_row(record)).encode() + b"\n"
        with self._lock:
            try:
                self._append(line)
            except OSError as error:
                self.lost += 1
                self._forget()
                raise unwritable(self.path, error) from error

    def close(self) -> None:
        """Let go of the file; the next record opens it again."""
        with self._lock:
            self._forget()

    def _append(self, line: bytes) -> None:
        fd, size = self._current()
        if size and size + len(line) > self.max_bytes:
            self._rotate()
            fd, size = self._current()
        if size and size != self._end and not _ends_whole(fd, size):
            line = b"\n" + line  # a torn line must not swallow this one
        written = os.write(fd, line)
        if written < len(line):
            # Torn by a full disk: what stands there is skipped by the reader, and this record is lost.
            raise OSError(28, "short write")
        self._end = size + written
        if self.sync:
            os.fsync(fd)

    def _current(self) -> tuple[int, int]:
        """The open file and its size; opened anew when another process has rotated it away."""
        if self._fd is not None:
            mine = os.fstat(self._fd)
            try:
                there = os.stat(self._name)  # noqa: PTH116 - on every append, and half the time
            except FileNotFoundError:
                there = None
            if there is not None and (there.st_ino, there.st_dev) == (mine.st_ino, mine.st_dev):
                return self._fd, mine.st_size
            self._forget()
        flags = (
            os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        )
        self._fd = os.open(self.path, flags, 0o600)
        return self._fd, os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        """Rename the full file, once, even when several processes find it full together."""
        with _file_lock(self.path.with_name(self.path.name + ".lock")):
            if self.path.exists() and self.path.stat().st_size >= self._fullness():
                self._forget()  # some systems do not rename an open file
                try:
                    self.path.rename(_free_name(self.path, self._wall()))
                except PermissionError:
                    return  # another process has it open there: go on in the same file
            self._prune()

    def _fullness(self) -> int:
        """The size of my file: one that a faster process has just begun is smaller."""
        return os.fstat(self._fd).st_size if self._fd is not None else 1

    def _prune(self) -> None:
        old = older_files(self.path)
        limit = None if self.max_age_days is None else self._wall() - self.max_age_days * _DAY_S
        for index, file in enumerate(reversed(old)):
            if index >= self.keep or (limit is not None and file.stat().st_mtime < limit):
                file.unlink(missing_ok=True)

    def _forget(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd, self._end = None, 0


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that is no whole record: where it stands and why, never what it holds."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class JsonlLog:
    """What a log holds: every whole row, oldest first, and what was skipped."""

    rows: list[dict[str, Any]]
    skipped: list[Skipped]


def read_jsonl(path: str | Path) -> JsonlLog:
    """Read a log and its rotated files. A torn or foreign line is skipped and reported; nothing is raised."""
    log = JsonlLog([], [])
    for file in [*older_files(Path(path)), Path(path)]:
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            continue
        for number, line in enumerate(data.split(b"\n"), 1):
            if line.strip():
                _read_line(log, file.name, number, line)
    return log


def _read_line(log: JsonlLog, file: str, number: int, line: bytes) -> None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        log.skipped.append(Skipped(file, number, "torn or not JSON"))
        return
    if isinstance(row, dict):
        log.rows.append(row)
    else:
        log.skipped.append(Skipped(file, number, "not an object"))


def older_files(path: Path) -> list[Path]:
    """The rotated files of a log, oldest first: their names sort by time."""
    return sorted(path.parent.glob(f"{path.stem}.????????T??????-????{path.suffix}"))


def _free_name(path: Path, now: float) -> Path:
    moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
    taken = [file for file in older_files(path) if file.name.startswith(f"{path.stem}.{moment}-")]
    number = int(taken[-1].name[len(path.stem) + 17 :][:4]) + 1 if taken else 1
    return path.with_name(f"{path.stem}.{moment}-{number:04d}{path.suffix}")


def _ends_whole(fd: int, size: int) -> bool:
    if hasattr(os, "pread"):
        return os.pread(fd, 1, size - 1) == b"\n"
    os.lseek(fd, size - 1, os.SEEK_SET)  # Windows; writing appends wherever the position is
    return os.read(fd, 1) == b"\n"


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    """One process at a time. Where the system has no flock, rotation relies on rename being atomic."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        yield
        return
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
