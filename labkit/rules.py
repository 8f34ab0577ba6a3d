"""Business rules: what must hold between a decision and the evidence it was made from.

Without them a reply is trusted because it parses.
With one big `if` in their place, the first fault hides the others, and nobody can say which rule refused.
Each rule here is a small named function.

    broken = window_equals_the_cited_line(decision, evidence)
    if broken is not None:
        print(broken.code)  # unsupported_window
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from pydantic import BaseModel

from labkit.contracts import Evidence, ReplyDraft, RotationDecision, ScanSummary
from labkit.strictjson import Reason

T = TypeVar("T", bound=BaseModel)

# A rule looks at a typed value and the evidence it was made from, and returns None or the reason it fails.
Rule = Callable[[T, Evidence], Reason | None]


def when(applies: Callable[[T], bool], rule: Rule[T]) -> Rule[T]:
    """Build a rule that only holds for some values, such as `when(is_eligible, needs_stale_key)`."""

    def conditional(value: T, evidence: Evidence) -> Reason | None:
        return rule(value, evidence) if applies(value) else None

    conditional.__name__ = getattr(rule, "__name__", "rule")
    return conditional


def applicable(evidence: Evidence) -> dict[str, int]:
    """The supplied lines that rule on this account, with their windows in days: `{"P-7": 30}`.

    A line applies when it states a window and, if the account facts name policy lines, is among those.
    """
    named = evidence.facts.get("policy_line_ids")
    return {
        line.id: line.rotation_window_days
        for line in evidence.policy_lines
        if line.rotation_window_days is not None
        and (not isinstance(named, (list, tuple)) or line.id in named)
    }


def cites_only_supplied_lines(value: RotationDecision, evidence: Evidence) -> Reason | None:
    """Every cited id is in the evidence. A model may cite a line that exists elsewhere, or nowhere."""
    supplied = {line.id for line in evidence.policy_lines}
    unknown = len(set(value.source_line_ids) - supplied)
    if not unknown:
        return None
    return Reason("unknown_source", f"{unknown} cited id not supplied; wanted ids from {_listed(supplied)}")


def cites_exactly_the_applicable_lines(value: RotationDecision, evidence: Evidence) -> Reason | None:
    """Each applicable line is cited, and no supplied line that does not apply."""
    cited, wanted = set(value.source_line_ids), set(applicable(evidence))
    other = {line.id for line in evidence.policy_lines} - wanted
    if cited >= wanted and not cited & other:
        return None
    return Reason("wrong_source", f"does not cite exactly the applicable lines; wanted {_listed(wanted)}")


def cites_each_line_once(value: RotationDecision, _evidence: Evidence) -> Reason | None:
    """A repeated id is a sign that the list was padded, and a reader counts it as two sources."""
    if len(set(value.source_line_ids)) == len(value.source_line_ids):
        return None
    return Reason("repeated_source", "an id is cited more than once; wanted each once")


def window_equals_the_cited_line(value: RotationDecision, evidence: Evidence) -> Reason | None:
    """The window is that of a cited line; none cited: of an applicable line; none applicable: 0."""
    windows = applicable(evidence)
    cited = {windows[line_id] for line_id in value.source_line_ids if line_id in windows}
    wanted = cited or set(windows.values()) or {0}
    if value.rotation_window_days in wanted:
        return None
    days = " or ".join(str(window) for window in sorted(wanted))
    return Reason("unsupported_window", f"unsupported window; wanted {days} days, as in {_listed(windows)}")


def eligible_needs_an_applicable_rule(value: RotationDecision, evidence: Evidence) -> Reason | None:
    """Eligible is a promise: it needs a cited line that applies, and the line's condition: a stale key."""
    if value.decision != "eligible":
        return None
    if not set(value.source_line_ids) & set(applicable(evidence)):
        return Reason("no_applicable_rule", "eligible without a cited, applicable line")
    if evidence.facts.get("key_stale") is False:
        return Reason("no_applicable_rule", "eligible, but the account facts say that the key is not stale")
    return None


def refusal_fits_the_facts(value: RotationDecision, evidence: Evidence) -> Reason | None:
    """A stale key under an applicable line is eligible: "not" would turn away a customer who is right."""
    if value.decision == "not_eligible" and evidence.facts.get("key_stale") is True and applicable(evidence):
        return Reason("contradicts_facts", "not_eligible, but the key is stale and a supplied line applies")
    return None


ROTATION_RULES: Final[tuple[Rule[RotationDecision], ...]] = (
    cites_only_supplied_lines,
    cites_exactly_the_applicable_lines,
    cites_each_line_once,
    window_equals_the_cited_line,
    eligible_needs_an_applicable_rule,
    refusal_fits_the_facts,
)


# ── a scan summary: every finding, once, and never a key ──


def names_exactly_the_findings(value: ScanSummary, evidence: Evidence) -> Reason | None:
    """A finding left out is a leaked key that nobody replaces; one added sends people hunting."""
    wanted = sorted(_finding_ids(evidence))
    if sorted(value.finding_ids) == wanted:
        return None
    return Reason(
        "wrong_findings", f"wanted each of the {len(wanted)} supplied finding ids once, and no other"
    )


def counts_the_findings(value: ScanSummary, evidence: Evidence) -> Reason | None:
    """A number of findings in the text is the number that was supplied."""
    wanted = len(_finding_ids(evidence))
    if _numbers(_COUNTS, value.summary) <= {str(wanted)}:
        return None
    return Reason("wrong_count", f"the summary states another number of findings; wanted {wanted}")


def repeats_no_key(value: ScanSummary, _evidence: Evidence) -> Reason | None:
    """A summary is mailed and pasted: a long run of letters and digits in it may be the key itself."""
    runs = _RUNS.findall(value.summary)
    if not any(re.search("[0-9]", run) and re.search("[A-Za-z]", run) for run in runs):
        return None
    return Reason("key_like_text", "the summary holds something that looks like a key; wanted ids only")


# ── a reply draft: what it states must be supported, and it must not claim to have acted ──


def reply_cites_supplied_lines(value: ReplyDraft, evidence: Evidence) -> Reason | None:
    """Every policy line that the text names was supplied."""
    supplied = {line.id for line in evidence.policy_lines}
    if set(_LINE_IDS.findall(value.text)) <= supplied:
        return None
    return Reason(
        "unknown_source", f"names a line that was not supplied; wanted lines from {_listed(supplied)}"
    )


def reply_cites_the_line_that_decides(value: ReplyDraft, evidence: Evidence) -> Reason | None:
    """Where a line applies, the customer is told which."""
    wanted = applicable(evidence).keys()
    if not wanted or wanted & set(_LINE_IDS.findall(value.text)):
        return None
    return Reason("missing_source", f"names no line that applies; wanted {_listed(wanted)}")


def reply_states_supported_days(value: ReplyDraft, evidence: Evidence) -> Reason | None:
    """A number of days in the text is a promise: it must be a supplied window, or the key's own age."""
    allowed = {str(line.rotation_window_days) for line in evidence.policy_lines}
    allowed.add(str(evidence.facts.get("credential_age_days")))
    if _numbers(_DAYS, value.text) <= allowed:
        return None
    return Reason("unsupported_window", "states a number of days that the evidence does not hold")


def reply_names_one_account(value: ReplyDraft, evidence: Evidence) -> Reason | None:
    """Another customer's account id in a reply is a leak."""
    if all(named == evidence.facts.get("account_id") for named in _ACCOUNTS.findall(value.text)):
        return None
    return Reason("other_account", "names an account that is not the one in the facts")


def reply_fits_the_facts(value: ReplyDraft, evidence: Evidence) -> Reason | None:
    """The text says eligible or not as the facts have it."""
    stale = evidence.facts.get("key_stale")
    says_no, says_yes = _SAYS_NO.search(value.text), _SAYS_YES.search(value.text)
    if says_yes and (stale is False or not applicable(evidence)):
        return Reason("no_applicable_rule", "says eligible where no supplied line and fact make it so")
    if says_no and stale is True and applicable(evidence):
        return Reason(
            "contradicts_facts", "says not eligible, but the key is stale and a supplied line applies"
        )
    return None


def reply_claims_no_action(value: ReplyDraft, _evidence: Evidence) -> Reason | None:
    """A draft decides nothing and does nothing, so it must not tell the customer that something was done."""
    if not _CLAIMS.search(value.text):
        return None
    return Reason("claims_action", "says that something was done; wanted a statement, not an action")


SCAN_RULES: Final[tuple[Rule[ScanSummary], ...]] = (
    names_exactly_the_findings,
    counts_the_findings,
    repeats_no_key,
)

REPLY_RULES: Final[tuple[Rule[ReplyDraft], ...]] = (
    reply_cites_supplied_lines,
    reply_cites_the_line_that_decides,
    reply_states_supported_days,
    reply_names_one_account,
    reply_fits_the_facts,
    reply_claims_no_action,
)

# Patterns over prose find what they know and no more: they stop the common lies, and a person still approves.
# Numbers stay text: of a million digits, int() would make a slow failure.
_COUNTS: Final = re.compile(r"(?<!\d)(\d+)\s+findings?\b", re.ASCII | re.IGNORECASE)
_DAYS: Final = re.compile(r"(?<!\d)(\d+)[\s-]+days?\b", re.ASCII | re.IGNORECASE)
_LINE_IDS: Final = re.compile(r"\b[A-Z]{1,4}-\d{1,9}\b", re.ASCII)
_ACCOUNTS: Final = re.compile(r"\bacct_\w+", re.ASCII)
_RUNS: Final = re.compile(r"[\w+/=-]{20,}", re.ASCII)
_SAYS_YES: Final = re.compile(
    r"(?<!\bwhether )\b(?:account|it|key|credential)\s+(?:\S+\s+)?is eligible\b", re.IGNORECASE
)
_SAYS_NO: Final = re.compile(r"\bis(?: not|n't) eligible\b|\bineligible\b", re.IGNORECASE)
_DONE: Final = r"(?:now |just |already )?(?:created|rotated|started|scheduled|approved|replaced)\b"
_CLAIMS: Final = re.compile(
    rf"\b(?:I|we)(?:'ve| have)? {_DONE}|\b(?:has|have) been {_DONE}|\bjob_acct_\w+", re.IGNORECASE
)


def _finding_ids(evidence: Evidence) -> list[str]:
    findings = evidence.facts.get("findings")
    rows = findings if isinstance(findings, (list, tuple)) else ()
    return [str(row["id"]) for row in rows if isinstance(row, Mapping) and "id" in row]


def _numbers(pattern: re.Pattern[str], text: str) -> set[str]:
    return {digits.lstrip("0") or "0" for digits in pattern.findall(text)}


def _listed(ids: Iterable[str]) -> str:
    return ", ".join(sorted(ids)) or "none"
