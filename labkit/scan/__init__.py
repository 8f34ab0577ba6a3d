"""Find leaked keys in files, notebooks, records and git history before somebody else does.

A key in a commit is found by strangers within minutes, and most of them sit where no linter looks: in an
output of a notebook, in a deleted version of a file, inside an encoded blob. This package reads those
places, names the kind and the place, and never repeats the key.

    findings = scan_notebook("work/01_keys.ipynb")     # by cell: source, outputs, attachments, metadata
    findings = scan_text(text)                         # anything else
    code = run_scan([Path(".")], history=True)         # what `labkit scan` does; 0 clean, 1 found, 2 failed
"""

from __future__ import annotations

from labkit.scan.detect import find_secrets, plain_text
from labkit.scan.files import Skipped
from labkit.scan.finding import Finding, Fingerprint, findings_in
from labkit.scan.git import GitError, scan_history, scan_staged
from labkit.scan.notebook import notebook_findings, scan_notebook
from labkit.scan.report import Baseline, Report
from labkit.scan.run import collect, run_scan

__all__ = [
    "Baseline",
    "Finding",
    "Fingerprint",
    "GitError",
    "Report",
    "Skipped",
    "collect",
    "find_secrets",
    "notebook_findings",
    "plain_text",
    "run_scan",
    "scan_history",
    "scan_notebook",
    "scan_staged",
    "scan_text",
]


def scan_text(text: str, path: str = "text", fingerprint: Fingerprint | None = None) -> list[Finding]:
    """The secrets of one text, by line."""
    return list(findings_in(text, path, fingerprint or Fingerprint.random()))
