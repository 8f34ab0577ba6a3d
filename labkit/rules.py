"""Business rules: what must hold between a decision and the evidence it was made from.

Without them a reply is trusted because it parses.
With one big `if` in their place, the first fault hides the others, and nobody can say which rule refused.
Each rule here is a small named function.

    broken = window_equals_the_cited_line(decision, evidence)
    if broken is not None:
        print(broken.code)  # unsupported_window
"""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from pydantic import BaseModel

from labkit.contracts import Evidence, RotationDecision
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
    """The window is that of a cited line; where none is cited, of an applicable line; where none applies, 0."""
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


def _listed(ids: Iterable[str]) -> str:
    return ", ".join(sorted(ids)) or "none"
