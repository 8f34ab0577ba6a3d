"""The twelve answers of lesson 09, and the switches on the rules that judge them."""

import pytest

from labkit.lab.candidates import BINS, CANDIDATES, RIGHT, lenient_and_strict, two_gates, verdict
from labkit.lab.widgets.gates import candidate_sorter, rule_editor
from labkit.rules import ROTATION_RULES


def test_every_end_is_shown_more_than_once() -> None:
    """Two answers pass, five end at each gate: no bin is the safe guess."""
    ends = [verdict(one.text).stopped_by for one in CANDIDATES]
    assert [ends.count(one) for one in BINS] == [2, 5, 5]
    assert "".join(one.letter for one in CANDIDATES) == "ABCDEFGHIJKL"


def test_the_lesson_s_own_pair() -> None:
    """30 days pass, 90 days are stopped by the business gate: unsupported window."""
    assert verdict(RIGHT).stopped_by == "passes both"
    assert verdict(RIGHT.replace("30", "90")).reasons == "unsupported window"


def test_the_table_shows_every_reason() -> None:
    """An answer that reaches the second gate gets all its reasons; one that does not is told so."""
    rows = {row["answer"][0]: row for row in two_gates().rows}
    assert rows["E"]["business gate"] == "✗ unknown source; wrong source; no applicable rule"
    assert (rows["C"]["schema gate"], rows["C"]["business gate"]) == ("✗ wrong type", "not reached")


@pytest.mark.parametrize(
    ("rule", "letters"),
    [
        ("window_equals_the_cited_line", "B"),
        ("cites_each_line_once", "J"),
        ("refusal_fits_the_facts", "K"),
        ("cites_only_supplied_lines", "none"),
    ],
)
def test_a_switched_off_rule_lets_its_answer_through(rule: str, letters: str) -> None:
    """What one rule alone had stopped gets through; what others stop as well does not."""
    panel = rule_editor().set(**{rule: False})
    assert panel.parts[0].to_text() == f"Wrong answers that get through: {letters}."


def test_without_any_rule_all_well_formed_answers_pass() -> None:
    """The schema gate alone lets every wrong claim through."""
    panel = rule_editor().set(**{rule.__name__: False for rule in ROTATION_RULES})
    assert panel.parts[0].to_text() == "Wrong answers that get through: B, E, F, J, K."


def test_another_policy_makes_another_answer_right() -> None:
    """With P-7 at 90 days the 90 is right, and the 30 is not."""
    assert rule_editor().set(p7_days=90).parts[0].to_text() == "With P-7 at 90 days, these pass: B."


def test_the_sorter_knows_where_each_belongs() -> None:
    """A sorting by the gates' own word is all right."""
    sorter = candidate_sorter()
    sorter.commit({one.label: verdict(one.text).stopped_by for one in CANDIDATES})
    assert all(row["you said"].startswith("✓") for row in sorter.answers.rows)


def test_lenient_reading_beside_strict_reading() -> None:
    """A doubled key: one reader keeps the last, the other says what is wrong."""
    (row,) = lenient_and_strict(['{"a": 1, "a": 2}']).rows
    assert row["json.loads"] == "{'a': 2}"
    assert row["read strictly"].startswith("duplicate_key: ")
