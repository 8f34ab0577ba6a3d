"""The two gates: the shape that was asked for, and the decision that the evidence supports."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from labkit.contracts import Evidence, PolicyLine, ReplyDraft, RotationDecision, ScanSummary
from labkit.failures import Kind
from labkit.rules import REPLY_RULES, ROTATION_RULES, SCAN_RULES, applicable, when
from labkit.strictjson import Reason
from labkit.validation import Rejected, business_gate, gate, schema_gate

P7 = PolicyLine("P-7", "Stale service-account keys are rotated within 30 days.", 30)
P9 = PolicyLine("P-9", "Human users' keys are rotated within 90 days.", 90)
NOTE = PolicyLine("P-1", "These lines hold for all accounts.")
FACTS = {"account_id": "acct_10234", "credential_age_days": 12, "key_stale": True, "policy_line_ids": ["P-7"]}
EVIDENCE = Evidence((P7,), FACTS)


def reply(decision: str = "eligible", days: object = 30, lines: object = ("P-7",), **more: object) -> str:
    """A reply as a model writes it."""
    return json.dumps({"decision": decision, "rotation_window_days": days, "source_line_ids": lines, **more})


def codes(text: str, evidence: Evidence = EVIDENCE) -> list[str]:
    """The reasons for which both gates refuse a reply, none when it passes."""
    outcome = gate(text, RotationDecision, evidence, ROTATION_RULES)
    return [reason.code for reason in outcome.reasons] if isinstance(outcome, Rejected) else []


def test_the_supported_decision_passes() -> None:
    """Eligible, 30 days, citing P-7: accepted, as a typed value."""
    text = '{"decision":"eligible","rotation_window_days":30,"source_line_ids":["P-7"]}'
    assert gate(text, RotationDecision, EVIDENCE, ROTATION_RULES) == RotationDecision(
        decision="eligible", rotation_window_days=30, source_line_ids=("P-7",)
    )


def test_ninety_days_is_valid_and_wrong() -> None:
    """The same reply with 90 passes the schema gate and fails the business gate: unsupported window."""
    text = '{"decision":"eligible","rotation_window_days":90,"source_line_ids":["P-7"]}'
    assert not isinstance(schema_gate(text, RotationDecision), Rejected)
    refused = gate(text, RotationDecision, EVIDENCE, ROTATION_RULES)
    assert isinstance(refused, Rejected)
    assert (refused.kind, refused.reason) == (Kind.UNSUPPORTED_DECISION, "unsupported window")


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        (reply(days="30"), ["wrong_type"]),
        (reply(days=30.0), ["wrong_type"]),
        (reply(days=True), ["wrong_type"]),
        (reply(days=None), ["wrong_type"]),
        (reply(lines="P-7"), ["wrong_type"]),
        (reply(lines=[7, None]), ["wrong_type", "wrong_type"]),
        (reply(decision="maybe"), ["not_in_enum"]),
        (reply(approved=True), ["unknown_field"]),
        ("{}", ["missing_field"] * 3),
        (
            '{"decision": "maybe", "rotation_window_days": "30"}',
            ["not_in_enum", "wrong_type", "missing_field"],
        ),
        (reply() * 2, ["trailing_text"]),
        ("The key is eligible.", ["not_json"]),
    ],
)
def test_the_schema_gate_names_every_fault(text: str, broken: list[str]) -> None:
    """The schema gate converts nothing, closes the fields, and reports all that is wrong."""
    refused = schema_gate(text, RotationDecision)
    assert isinstance(refused, Rejected)
    assert refused.kind is Kind.INVALID_OUTPUT
    assert [reason.code for reason in refused.reasons] == broken


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        (reply(days=90), ["unsupported_window"]),
        (reply(lines=["P-7", "P-7"]), ["repeated_source"]),
        (reply(lines=["P-7", "P-8"]), ["unknown_source"]),
        (reply(lines=["P-8"]), ["unknown_source", "wrong_source", "no_applicable_rule"]),
        (reply(lines=[]), ["wrong_source", "no_applicable_rule"]),
        (reply("not_eligible"), ["contradicts_facts"]),
        (reply("not_eligible", 0, []), ["wrong_source", "unsupported_window", "contradicts_facts"]),
        (reply("not_specified"), []),
        (
            reply(days=-1, lines=["P-9", "P-9"]),
            ["unknown_source", "wrong_source", "repeated_source", "unsupported_window", "no_applicable_rule"],
        ),
    ],
)
def test_the_business_gate_reports_all_broken_rules(text: str, broken: list[str]) -> None:
    """Each broken rule has its code, in the order of the rules; one does not hide another."""
    assert codes(text) == broken


def test_a_fresh_key_is_not_eligible() -> None:
    """P-7 speaks of stale keys: for a fresh key, eligible is refused and not eligible is accepted."""
    fresh = Evidence((P7,), FACTS | {"key_stale": False})
    assert codes(reply("eligible"), fresh) == ["no_applicable_rule"]
    assert codes(reply("not_eligible"), fresh) == []


def test_without_an_applicable_line_only_not_specified_is_supported() -> None:
    """When no supplied line rules on this account, the supported reply says so and cites nothing."""
    silent = Evidence((NOTE, P9), FACTS)
    assert codes(reply("not_specified", 0, []), silent) == []
    assert codes(reply("eligible", 0, []), silent) == ["no_applicable_rule"]
    assert codes(reply("not_specified", 0, ["P-1"]), silent) == ["wrong_source"]


def test_only_lines_that_apply_to_the_account_count() -> None:
    """The facts name the account's lines; a supplied line about other accounts is not a source."""
    both = Evidence((P7, P9), FACTS)
    assert applicable(both) == {"P-7": 30}
    assert codes(reply(days=90, lines=["P-9"]), both) == [
        "wrong_source",
        "unsupported_window",
        "no_applicable_rule",
    ]
    assert applicable(Evidence((P7, P9), {})) == {"P-7": 30, "P-9": 90}


def test_a_rule_can_be_limited() -> None:
    """`when` makes a rule that holds for some values, and keeps the rule's name."""

    def never(_value: RotationDecision, _evidence: Evidence) -> Reason | None:
        return Reason("never", "refused")

    only_eligible = when(lambda value: value.decision == "eligible", never)
    yes = RotationDecision(decision="eligible", rotation_window_days=30, source_line_ids=("P-7",))
    no = yes.model_copy(update={"decision": "not_specified"})
    assert isinstance(business_gate(yes, EVIDENCE, [only_eligible]), Rejected)
    assert business_gate(no, EVIDENCE, [only_eligible]) is no
    assert getattr(only_eligible, "__name__", "") == "never"


def test_a_repeated_code_is_said_once() -> None:
    """A record's reason names each code once, in words; the detail keeps each place."""
    refused = schema_gate("{}", RotationDecision)
    assert isinstance(refused, Rejected)
    assert refused.reason == "missing field"
    assert "rotation_window_days" in refused.detail


@given(st.text("qxzjvk", min_size=6, max_size=20))
def test_no_customer_text_leaves_the_gates(words: str) -> None:
    """Neither an unknown field's name nor any value is repeated in a reason."""
    texts = [
        reply(decision=words),
        reply(days=words),
        reply(lines=[words]),
        reply(lines={words: words}),
        reply(**{words: words}),
    ]
    for text in texts:
        refused = gate(text, RotationDecision, EVIDENCE, ROTATION_RULES)
        assert isinstance(refused, Rejected)
        assert words not in repr(refused) + refused.reason + refused.detail


class Tally(BaseModel):
    """Keys that the model makes up, in a field that is declared."""

    counts: dict[str, int]


def test_a_key_that_the_model_made_up_is_not_repeated() -> None:
    """A place within a reply is named by declared fields only: any other key is the model's text."""
    refused = schema_gate('{"counts": {"customer Bob": "x"}}', Tally)
    assert isinstance(refused, Rejected)
    assert refused.detail == "counts.…: wanted an integer, saw a string"


FINDINGS = Evidence(
    (),
    {"account_id": "acct_10234", "findings": [{"id": "F-1", "kind": "aws"}, {"id": "F-2", "kind": "openai"}]},
)


@pytest.mark.parametrize(
    ("summary", "ids", "broken"),
    [
        ("The scan reports 2 findings (aws, openai).", ["F-1", "F-2"], []),
        ("Two keys leaked.", ["F-2", "F-1"], []),
        ("The scan reports 3 findings.", ["F-1", "F-2"], ["wrong_count"]),
        ("The scan reports 99999999999999999999 findings.", ["F-1", "F-2"], ["wrong_count"]),
        ("The scan reports 2 findings.", ["F-1"], ["wrong_findings"]),
        ("The scan reports 2 findings.", ["F-1", "F-2", "F-2"], ["wrong_findings"]),
        ("The scan reports 1 finding.", ["F-9"], ["wrong_findings", "wrong_count"]),
        ("F-1 is qk7Zt0Lm9Xw3Rb5Vn1Hc8Yd.", ["F-1", "F-2"], ["key_like_text"]),
    ],
)
def test_a_scan_summary_covers_the_findings(summary: str, ids: list[str], broken: list[str]) -> None:
    """Every finding once, no other, the right number, and nothing that looks like a key."""
    text = json.dumps({"summary": summary, "finding_ids": ids})
    outcome = gate(text, ScanSummary, FINDINGS, SCAN_RULES)
    assert [reason.code for reason in getattr(outcome, "reasons", ())] == broken


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("Account acct_10234 is eligible under P-7.", []),
        ("Under P-7 a stale key is replaced within 30 days; yours is 12 days old.", []),
        ("Account acct_10234 is eligible.", ["missing_source"]),
        ("Account acct_10234 is eligible under P-8.", ["unknown_source", "missing_source"]),
        ("Under P-7 you have 90 days.", ["unsupported_window"]),
        ("Under P-7 it is a 99999999999-day wait.", ["unsupported_window"]),
        ("Like acct_99999, account acct_10234 is eligible under P-7.", ["other_account"]),
        ("Account acct_10234 is not eligible under P-7.", ["contradicts_facts"]),
        ("I have created the job; it is eligible under P-7.", ["claims_action"]),
        ("Your key has been rotated under P-7.", ["claims_action"]),
        ("See job_acct_10234_001, under P-7.", ["claims_action"]),
        ("", ["empty"]),
        (" \n ", ["empty"]),
        ("P-7 " * 3000, ["too_long"]),
        ("Under P-7\x1b[2J", ["unseen_characters"]),
        ("Under P-7 \u202eevil", ["unseen_characters"]),
        ("Under P-7, \ud800", ["unseen_characters"]),
        ("Under P-7 👩\u200d💻\n\tagreed", []),
    ],
)
def test_a_reply_draft_states_only_what_is_supported(text: str, broken: list[str]) -> None:
    """A draft is prose, so its gates read prose: lines, days, accounts, and no claim to have acted."""
    outcome = gate(text, ReplyDraft, EVIDENCE, REPLY_RULES)
    assert [reason.code for reason in getattr(outcome, "reasons", ())] == broken


def test_a_reply_draft_says_eligible_only_for_a_stale_key() -> None:
    """For a fresh key, or without an applicable line, the sentence that says eligible is refused."""
    fresh = Evidence((P7,), FACTS | {"key_stale": False})
    for evidence in (fresh, Evidence((P9,), FACTS)):
        outcome = gate("Account acct_10234 is eligible under P-7.", ReplyDraft, evidence, REPLY_RULES)
        assert "no_applicable_rule" in [reason.code for reason in getattr(outcome, "reasons", ())]
    undecided = "The supplied policy lines do not say whether account acct_10234 is eligible."
    assert gate(undecided, ReplyDraft, Evidence((P9,), FACTS), REPLY_RULES) == ReplyDraft(text=undecided)


@pytest.mark.parametrize("filler", ["a", " ", "1", "account ", "1 ", "a1", "-", "I ", "acct_"])
def test_no_text_makes_a_rule_slow(filler: str) -> None:
    """The patterns take time in proportion to the text: 100,000 characters of anything are done at once."""
    text = "account" + filler * (100_000 // len(filler))
    started = time.process_time()
    business_gate(ReplyDraft(text=text), EVIDENCE, REPLY_RULES)
    business_gate(ScanSummary(summary=text, finding_ids=()), FINDINGS, SCAN_RULES)
    assert time.process_time() - started < 1.0
