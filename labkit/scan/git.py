"""Scan what git keeps: the index before a commit, and every version of every file ever committed.

A key that was committed and then deleted is still in every clone; a scan of the work tree calls that
repository clean. And a pre-commit hook that reads the work tree passes a key that is staged but already
edited away on disk.

    scanned = scan_staged(Path("."), fingerprint)     # the index, not the work tree
    scanned = scan_history(Path("."), fingerprint)    # all blobs and messages, each once, with its commit
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from labkit.failures import LabkitError
from labkit.scan.files import MAX_BYTES, Scanned, Skipped, scan_bytes
from labkit.scan.finding import Fingerprint


class GitError(LabkitError):
    """Git is missing, or this is no repository."""


def scan_staged(repository: Path, fingerprint: Fingerprint) -> Scanned:
    """The findings of what the next commit would add or change."""
    _git(repository, "rev-parse", "--git-dir")  # outside a repository, `git diff` compares plain files
    listed = _git(
        repository, "diff", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev", "--diff-filter=AMT"
    )  # fmt: skip
    fields = listed.split(b"\0")
    staged = [
        (entry.split()[3].decode(), os.fsdecode(path))
        for entry, path in zip(fields[::2], fields[1::2], strict=False)
    ]
    scanned = Scanned()
    for _, part in _scan_objects(repository, staged, fingerprint):
        scanned.add(part)
    return scanned


def scan_history(repository: Path, fingerprint: Fingerprint) -> Scanned:
    """The findings of all that a branch, tag, stash or reflog entry reaches, with the first commit."""
    scanned = Scanned()
    if _git(repository, "rev-parse", "--is-shallow-repository").strip() == b"true":
        reason = "a shallow clone lacks older history: git fetch --unshallow"
        scanned.skipped.append(Skipped(str(repository), reason))
    listed = os.fsdecode(_git(repository, "rev-list", "--all", "--reflog", "--objects"))
    named = [(line.partition(" ")[0], line.partition(" ")[2]) for line in listed.split("\n") if line]
    today = _blobs_of_head(repository)
    for oid, part in _scan_objects(repository, named, fingerprint):
        if part.findings:
            commit = _first_commit(repository, oid) or oid
            gone = [] if oid in today else ["history only"]
            part.findings = [
                replace(finding, commit=commit, place=", ".join(filter(None, [finding.place, *gone])))
                for finding in part.findings
            ]
        scanned.add(part)
    return scanned


def _scan_objects(
    repository: Path, named: list[tuple[str, str]], fingerprint: Fingerprint
) -> Iterator[tuple[str, Scanned]]:
    """Each object's id and findings. Binary blobs, most of many a history, are not listed as skipped."""
    for oid, path, content in _contents(repository, named):
        if isinstance(content, str):
            yield oid, Scanned(skipped=[Skipped(path, content)])
            continue
        part = scan_bytes(content, path, fingerprint)
        part.skipped = [item for item in part.skipped if item.reason != "binary"]
        yield oid, part


def _contents(repository: Path, named: list[tuple[str, str]]) -> Iterator[tuple[str, str, bytes | str]]:
    """Id, path and content of each blob, commit and tag; a reason in place of a huge blob's content."""
    paths: dict[str, list[str]] = {}
    for oid, path in named:
        paths.setdefault(oid, []).append(path)
    sizes = _git(repository, "cat-file", "--batch-check", feed="\n".join(paths).encode())
    wanted = []
    for line in sizes.decode().splitlines():
        oid, kind, *size = line.split()
        if kind == "blob" and int(size[0]) > MAX_BYTES:
            yield oid, paths[oid][0], f"{size[0]} bytes, over the limit of {MAX_BYTES}"
        elif kind in {"blob", "commit", "tag"}:
            wanted.append(oid)
    command = ["git", "-C", str(repository), "cat-file", "--batch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:  # noqa: S603
        if reader.stdin is None or reader.stdout is None:
            raise GitError("git cat-file has no pipes.")
        for oid in wanted:
            reader.stdin.write(oid.encode() + b"\n")
            reader.stdin.flush()
            _, kind, length = reader.stdout.readline().decode().split()
            content = reader.stdout.read(int(length))
            reader.stdout.read(1)  # the newline after each object
            for path in paths[oid]:
                yield oid, path or f"{kind} message", content
        reader.stdin.close()


def _blobs_of_head(repository: Path) -> set[str]:
    try:
        listed = _git(repository, "ls-tree", "-r", "--object-only", "HEAD")
    except GitError:
        return set()  # no commit yet on this branch
    return set(listed.decode().split())


def _first_commit(repository: Path, oid: str) -> str:
    """The oldest commit that touched this blob; empty when only the index or a dangling tree holds it."""
    listed = _git(repository, "log", "--all", "--reflog", "--format=%H", f"--find-object={oid}")
    return (listed.decode().split() or [""])[-1]


def _git(repository: Path, *arguments: str, feed: bytes = b"") -> bytes:
    command = ["git", "-C", str(repository), *arguments]
    try:
        done = subprocess.run(command, input=feed, capture_output=True, check=False)  # noqa: S603 - no shell
    except FileNotFoundError:
        raise GitError("git is not installed, and history and the index can only be read with it.") from None
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        raise GitError(f"git {arguments[0]} failed in {repository}: {reason[0]}")
    return done.stdout
