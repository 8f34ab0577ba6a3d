"""Twelve answers that a model could give to the case, and what each gate says of them.

One wrong answer shown alone looks like an exception. Twelve side by side show that most wrong answers are
well-formed, and which of them only the evidence can tell from the right one.

    two_gates(CANDIDATES)                          # a table: each answer, each gate, every reason
    verdict(CANDIDATES[1].text).stopped_by         # "business gate"
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from labkit.contracts import Evidence, RotationDecision
from labkit.failures import Kind
from labkit.lab.case import EVIDENCE
from labkit.lab.present import Table
from labkit.rules import ROTATION_RULES, Rule
from labkit.strictjson import Reason, parse_json
from labkit.validation import Rejected, gate, schema_gate

PASSES, SCHEMA, BUSINESS = "passes both", "schema gate", "business gate"
BINS = (PASSES, SCHEMA, BUSINESS)
RIGHT = '{"decision":"eligible","rotation_window_days":30,"source_line_ids":["P-7"]}'


@dataclass(frozen=True, slots=True)
class Candidate:
    """One answer: a letter to name it by, its values in short, its text, and why it ends where it does."""

    letter: str
    short: str
    text: str
    because: str

    @property
    def label(self) -> str:
        """The letter and the values: `B: eligible, 90, ["P-7"]`."""
        return f"{self.letter}: {self.short}"


def _answer(
    decision: str = "eligible", days: object = 30, lines: Sequence[str] = ("P-7",), **more: object
) -> str:
    fields = {"decision": decision, "rotation_window_days": days, "source_line_ids": lines, **more}
    return json.dumps(fields, separators=(",", ":"))


CANDIDATES = (
    Candidate("A", 'eligible, 30, ["P-7"]', RIGHT, "The right form, and P-7 says what it says."),
    Candidate(
        "B",
        'eligible, 90, ["P-7"]',
        _answer(days=90),
        "90 is an integer. Only P-7 knows that it should be 30.",
    ),
    Candidate(
        "C",
        'eligible, "30", ["P-7"]',
        _answer(days="30"),
        'The string "30" is no integer, and nobody converts it for the model.',
    ),
    Candidate(
        "D",
        'probably, 30, ["P-7"]',
        _answer("probably"),
        "The contract has three decisions; this is a fourth.",
    ),
    Candidate(
        "E",
        'eligible, 30, ["P-9"]',
        _answer(lines=["P-9"]),
        "P-9 was never supplied. It may exist, and it may not.",
    ),
    Candidate(
        "F", "eligible, 30, []", _answer(lines=[]), "Eligible is a promise, and this one rests on nothing."
    ),
    Candidate(
        "G",
        'eligible, 30, ["P-7"], and "approved": true',
        _answer(approved=True),
        "A field that nobody asked for. Some code may believe it.",
    ),
    Candidate(
        "H",
        'eligible, 90 and then 30 under the same name, ["P-7"]',
        '{"decision":"eligible","rotation_window_days":90,"rotation_window_days":30,"source_line_ids":["P-7"]}',
        "Two windows. One parser takes the last, another the first.",
    ),
    Candidate(
        "I",
        "A, inside a Markdown code fence",
        f"```json\n{RIGHT}\n```",
        "The right object, wrapped. It is not JSON.",
    ),
    Candidate(
        "J",
        'eligible, 30, ["P-7", "P-7"]',
        _answer(lines=["P-7", "P-7"]),
        "One line, counted as two sources.",
    ),
    Candidate(
        "K",
        'not_eligible, 30, ["P-7"]',
        _answer("not_eligible"),
        "The key is stale and P-7 applies: the facts say the opposite.",
    ),
    Candidate(
        "L",
        "A, in another order and over five lines",
        '{\n  "source_line_ids": ["P-7"],\n  "rotation_window_days": 30,\n  "decision": "eligible"\n}',
        "Order and spaces do not matter. It is A again.",
    ),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What both gates say of one text. `reasons` are the codes, in words."""

    stopped_by: str
    reasons: str = ""


def verdict(
    text: str, evidence: Evidence = EVIDENCE, rules: Iterable[Rule[RotationDecision]] = ROTATION_RULES
) -> Verdict:
    """Send one text through both gates."""
    outcome = gate(text, RotationDecision, evidence, rules)
    if not isinstance(outcome, Rejected):
        return Verdict(PASSES)
    return Verdict(SCHEMA if outcome.kind is Kind.INVALID_OUTPUT else BUSINESS, outcome.reason)


def two_gates(
    candidates: Sequence[Candidate] = CANDIDATES,
    evidence: Evidence = EVIDENCE,
    rules: Sequence[Rule[RotationDecision]] = ROTATION_RULES,
) -> Table:
    """One row for each answer: what each gate says, with every reason."""
    rows = []
    for candidate in candidates:
        found = verdict(candidate.text, evidence, rules)
        business = {PASSES: "✓ passes", SCHEMA: "not reached", BUSINESS: f"✗ {found.reasons}"}[
            found.stopped_by
        ]
        schema = f"✗ {found.reasons}" if found.stopped_by == SCHEMA else "✓ passes"
        rows.append({"answer": candidate.label, "schema gate": schema, "business gate": business})
    return Table(rows, "Twelve answers, two gates")


def got_through(rules: Sequence[Rule[RotationDecision]], evidence: Evidence = EVIDENCE) -> list[Candidate]:
    """The wrong answers that these rules let pass."""
    return [
        candidate
        for candidate in CANDIDATES
        if verdict(candidate.text, evidence, rules).stopped_by == PASSES
        and verdict(candidate.text).stopped_by != PASSES
    ]


def lenient_and_strict(texts: Iterable[str]) -> Table:
    """What the standard library makes of each text, beside what strict reading says."""
    return Table(
        [{"text": text, "json.loads": _lenient(text), "read strictly": _strict(text)} for text in texts]
    )


def _lenient(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError as error:
        return type(error).__name__


def _strict(text: str) -> str:
    read: dict[str, Any] | Reason = parse_json(text)
    return f"{read.code}: {read.message}" if isinstance(read, Reason) else str(read)


def details(text: str) -> str:
    """Every reason of the schema gate in full, or "passes"."""
    outcome = schema_gate(text, RotationDecision)
    return outcome.detail if isinstance(outcome, Rejected) else "passes"
