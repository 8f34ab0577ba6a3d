"""Which files a scan reads, and how: one unreadable file is a line in the report, never the end of the scan.

A scanner that stops at the first broken notebook has looked at nothing after it, and one that passes over
it in silence lets a key hide there. Every file ends as findings, as clean, or as ``Skipped`` with the reason.

    for path in files_under(Path(".")):
        scanned = scan_file(path, fingerprint)
"""

from __future__ import annotations

import codecs
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.scan.detect import find_secrets
from labkit.scan.finding import Finding, Fingerprint, findings_in
from labkit.scan.notebook import notebook_findings, parse_notebook

#: Larger files are data, not source; they are named in the report.
MAX_BYTES = 50_000_000
#: Other people's code and caches, when git is not there to say so.
_NOT_OURS = {
    ".git",
    ".venv",
    "venv",
    "node_modules",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
}


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something a scan could not read, and why."""

    path: str
    reason: str


@dataclass(slots=True)
class Scanned:
    """What was found, what could not be read, and how many files were read."""

    findings: list[Finding] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    files: int = 0

    def add(self, other: Scanned) -> None:
        """Take in the outcome of another part."""
        self.findings += other.findings
        self.skipped += other.skipped
        self.files += other.files


def files_under(root: Path) -> Iterator[Path]:
    """The files of a directory, sorted. In a git work tree: what git tracks or would add, so no ``.env``."""
    if not root.is_dir():
        yield root
        return
    listed = _git_files(root)
    yield from sorted(listed if listed is not None else _walk(root))


def _git_files(root: Path) -> list[Path] | None:
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - fixed command, no shell
    except FileNotFoundError:
        return None
    if done.returncode:
        return None
    names = {os.fsdecode(name) for name in done.stdout.split(b"\0") if name}
    return [path for path in (root / name for name in names) if path.is_file() and not path.is_symlink()]


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _NOT_OURS]
        yield from (path for path in (Path(folder, name) for name in names) if not path.is_symlink())


def scan_file(path: Path, fingerprint: Fingerprint, *, max_bytes: int = MAX_BYTES) -> Scanned:
    """The findings of one file of any kind."""
    label = path.as_posix()
    try:
        if not path.is_file():
            return _unread(label, "not a regular file")
        size = path.stat().st_size
        if size > max_bytes:
            return _unread(label, f"{size} bytes, over the limit of {max_bytes}")
        content = path.read_bytes()
    except OSError as error:
        return _unread(label, f"cannot be read ({type(error).__name__})")
    return scan_bytes(content, label, fingerprint)


def _unread(path: str, reason: str) -> Scanned:
    return Scanned(skipped=[Skipped(path, reason)])


def scan_bytes(content: bytes, path: str, fingerprint: Fingerprint) -> Scanned:
    """The findings of one file's content: a notebook by cell, records by field, anything else by line."""
    text = decode(content)
    if text is None:
        return _unread(path, "binary")
    if path.endswith(".ipynb"):
        try:
            return Scanned(list(notebook_findings(parse_notebook(text), path, fingerprint)), files=1)
        except ValueError as error:
            reason = f"no readable notebook, scanned as text ({type(error).__name__})"
            return Scanned(list(findings_in(text, path, fingerprint)), [Skipped(path, reason)], 1)
    if path.endswith((".jsonl", ".ndjson")):
        return Scanned(list(_record_findings(text, path, fingerprint)), files=1)
    return Scanned(list(findings_in(text, path, fingerprint)), files=1)


def decode(content: bytes) -> str | None:
    """Text in UTF-8, UTF-16 or an unknown 8-bit code; None for binary data."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    if b"\0" in content[:8192]:
        return None
    return content.decode("utf-8-sig", "replace")


def _record_findings(text: str, path: str, fingerprint: Fingerprint) -> Iterator[Finding]:
    """Records are scanned as text, which is fast; only a line with a secret is parsed, to name the field."""
    lines: list[str] = []
    for finding in findings_in(text, path, fingerprint):
        lines = lines or text.split("\n")
        place = _field_with(lines[finding.line - 1], fingerprint, finding.fingerprint)
        yield Finding(path, place, finding.line, finding.kind, finding.fingerprint, finding.via)


def _field_with(line: str, fingerprint: Fingerprint, wanted: str) -> str:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return "torn record"
    for name, text in _leaves(record):
        if any(fingerprint(hit.value) == wanted for hit in find_secrets(f"{name}={text}")):
            return f"field {name}"
    return "record"


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{name}[{number}]")
    else:
        yield name, str(value)
