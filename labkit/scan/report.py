"""Reports for people, programs and code-scanning pages, and the baseline of what is already known.

Old repositories have findings that were rotated long ago; a check that stays red for them is ignored, new key
included. A baseline holds their fingerprints, with the key that made them, and nothing else.

    print(as_text(report))      # one line a finding, for people
    print(as_sarif(report))     # SARIF 2.1.0, for a code-scanning page
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.fingerprints import FingerprintError
from labkit.scan.files import Skipped
from labkit.scan.finding import Finding, Fingerprint


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one scan. ``known`` counts the findings that the baseline already had."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    files: int = 0
    known: int = 0


@dataclass(frozen=True, slots=True)
class Baseline:
    """Accepted findings, by path and fingerprint. Whoever holds the file can test guesses against it."""

    fingerprint: Fingerprint
    accepted: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """The baseline in a file. ``ValueError`` names the file when it is not one."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            accepted = frozenset((item["path"], item["fingerprint"]) for item in found["findings"])
            return cls(Fingerprint(found["fingerprint_key"].encode()), accepted)
        except (ValueError, KeyError, TypeError, AttributeError, FingerprintError) as error:
            reason = type(error).__name__
            raise ValueError(f"{path} is no baseline of labkit scan ({reason}). Write it anew.") from None

    def write(self, path: Path, findings: Iterable[Finding]) -> None:
        """Accept these findings, and only these, from now on."""
        items = sorted({(finding.path, finding.kind, finding.fingerprint) for finding in findings})
        entries = [{"path": path, "kind": kind, "fingerprint": mark} for path, kind, mark in items]
        body = {"version": 1, "fingerprint_key": self.fingerprint.key, "findings": entries}
        path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")

    def knows(self, finding: Finding) -> bool:
        """Whether this secret was accepted in this file; the line may have moved."""
        return (finding.path, finding.fingerprint) in self.accepted


def as_text(report: Report) -> str:
    """One line a finding, one a skipped file, and a summary that says what to do."""
    lines = [str(finding) for finding in report.findings]
    lines += [f"{skipped.path}: not scanned: {skipped.reason}" for skipped in report.skipped]
    number = len(report.findings)
    known = f", {report.known} in the baseline" if report.known else ""
    lines.append(f"{number or 'no'} secret{'' if number == 1 else 's'} in {report.files} files{known}.")
    if number:
        lines.append("Rotate each key first: whoever saw it can still use it. Then take it out of the file.")
    if any(finding.commit for finding in report.findings):
        lines.append(
            "History keeps what a commit deletes: rotating is the only cure, rewriting comes second."
        )
    return "\n".join(lines)


def as_json(report: Report) -> str:
    """Every field of every finding, for programs."""
    findings = [
        {
            "path": finding.path,
            "place": finding.place,
            "line": finding.line,
            "kind": finding.kind,
            "provider": finding.provider,
            "fingerprint": finding.fingerprint,
            "via": list(finding.via),
            "commit": finding.commit,
        }
        for finding in report.findings
    ]
    skipped = [{"path": item.path, "reason": item.reason} for item in report.skipped]
    body = {
        "version": 1,
        "findings": findings,
        "skipped": skipped,
        "files": report.files,
        "known": report.known,
    }
    return json.dumps(body, indent=2)


def as_sarif(report: Report) -> str:
    """SARIF 2.1.0. A cell is a logical location, since its line in the ``.ipynb`` tells a reader nothing."""
    kinds = sorted({finding.kind for finding in report.findings})
    rules = [
        {
            "id": kind,
            "shortDescription": {"text": f"A secret of kind {kind}"},
            "defaultConfiguration": {"level": "error"},
        }
        for kind in kinds
    ]
    notes = [
        {"level": "note", "message": {"text": f"{item.path}: not scanned: {item.reason}"}}
        for item in report.skipped
    ]
    run = {
        "tool": {"driver": {"name": "labkit scan", "rules": rules}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
        "results": [_sarif_result(finding, kinds.index(finding.kind)) for finding in report.findings],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2)


def _sarif_result(finding: Finding, rule: int) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": Path(finding.path).as_posix()}}
    if not finding.place and finding.line:
        physical["region"] = {"startLine": finding.line}
    location: dict[str, Any] = {"physicalLocation": physical}
    if finding.place:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.place}]
    return {
        "ruleId": finding.kind,
        "ruleIndex": rule,
        "level": "error",
        "message": {"text": f"{finding.kind} in {finding.place or 'the file'}. Rotate it, then remove it."},
        "locations": [location],
        "partialFingerprints": {
            "secret/v1": finding.fingerprint,
            "place/v1": f"{finding.place}:{finding.commit}",
        },
    }
