"""What ``labkit scan`` does: collect from files, the index or history, compare with a baseline, report.

The exit code is the interface that hooks and pipelines read: 0 nothing new, 1 at least one secret, 2 the
scan itself failed. A pipeline that took 2 for "clean" would pass everything on the day git is missing.

    raise typer.Exit(run_scan(paths, staged=staged, history=history, form="sarif"))
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from labkit.failures import LabkitError
from labkit.scan.files import Scanned, files_under, scan_file
from labkit.scan.finding import Fingerprint
from labkit.scan.git import scan_history, scan_staged
from labkit.scan.report import Baseline, Report, as_json, as_sarif, as_text

FORMS: dict[str, Callable[[Report], str]] = {"text": as_text, "json": as_json, "sarif": as_sarif}


def collect(
    paths: Sequence[Path],
    *,
    staged: bool = False,
    history: bool = False,
    baseline: Baseline | None = None,
) -> Report:
    """Scan the given paths, or for git their index (``staged``), or also their history.

    ``FileNotFoundError`` names a path that does not exist, ``GitError`` what git said.
    """
    known = baseline or Baseline(Fingerprint.random())
    scanned = Scanned()
    for root in paths:
        if not root.exists():
            raise FileNotFoundError(f"{root} does not exist.")
        if staged:
            scanned.add(scan_staged(root, known.fingerprint))
            continue
        for path in files_under(root):
            scanned.add(scan_file(path, known.fingerprint))
        if history:
            scanned.add(scan_history(root, known.fingerprint))
    fresh = [finding for finding in scanned.findings if not known.knows(finding)]
    return Report(tuple(fresh), tuple(scanned.skipped), scanned.files, len(scanned.findings) - len(fresh))


def run_scan(
    paths: Sequence[Path],
    *,
    staged: bool = False,
    history: bool = False,
    form: str = "text",
    baseline: Path | None = None,
    write_baseline: Path | None = None,
    out: TextIO | None = None,
) -> int:
    """Scan and report to ``out`` (standard output); errors go to standard error. The exit code: 0, 1 or 2.

    ``baseline`` hides what it lists; ``write_baseline`` accepts everything found into a file and returns 0.
    """
    try:
        _check(form, staged=staged, history=history)
        known = Baseline.read(baseline) if baseline else Baseline(Fingerprint.random())
        if write_baseline is not None:
            known = Baseline(known.fingerprint)
        report = collect(paths, staged=staged, history=history, baseline=known)
        if write_baseline is not None:
            known.write(write_baseline, report.findings)
    except (OSError, ValueError, LabkitError) as error:
        sys.stderr.write(f"labkit scan: {error}\n")
        return 2
    (out or sys.stdout).write(FORMS[form](report) + "\n")
    return 1 if report.findings and write_baseline is None else 0


def _check(form: str, *, staged: bool, history: bool) -> None:
    if form not in FORMS:
        raise ValueError(f"The format is {form!r}; wanted one of {', '.join(FORMS)}.")
    if staged and history:
        raise ValueError("Choose one of staged and history: the index is not part of history yet.")
