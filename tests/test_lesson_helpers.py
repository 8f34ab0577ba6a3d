"""What lessons 02 and 03 stand on: trying values in the contract, and payloads leaf by leaf."""

from dataclasses import fields

import pytest

from labkit.contracts import Task
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.connect import connect
from labkit.lab.outcome import attempts, two_outputs
from labkit.lab.payloads import KEY, compare, differing, facets, leaves
from labkit.lab.tryout import ACCEPTED, ANSWERS, attempt, field_table, from_text, try_field
from labkit.providers import ADAPTERS


def test_every_field_of_the_contract_has_its_question():
    """A new field without one would leave a gap in the table."""
    assert list(ANSWERS) == [item.name for item in fields(Task)]


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({}, ACCEPTED),
        ({"max_retries": 0}, ACCEPTED),
        ({"timeout_seconds": 0}, "refused: Task.timeout_seconds"),
        ({"account_id": "Ann Example"}, "refused: Task.account_id"),
        ({"can_create_job": True}, "refused: Task got an unexpected keyword argument"),
    ],
)
def test_the_contract_answers_in_its_own_words(values, verdict):
    """Accepted, or the refusal with the field's name."""
    assert attempt(**values).startswith(verdict)


@pytest.mark.parametrize(
    ("text", "value"), [("0.5", 0.5), ("('P-7',)", ("P-7",)), ("P-7", "P-7"), ("", ""), ("1 +", "1 +")]
)
def test_a_typed_value_is_python_where_it_can_be(text, value):
    """Everything else is text, whatever was typed."""
    assert from_text(text) == value


def test_the_tried_value_stands_in_the_table():
    """Instead of the case's own."""
    row = next(row for row in field_table("max_retries", 9).rows if row["field"] == "max_retries")
    assert row["value"] == "9"
    assert try_field("max_retries", "9").rows[0]["the contract says"] == ACCEPTED


def test_leaves_are_every_end_of_a_json_value():
    """Objects and lists by path; empty ones have none."""
    assert list(leaves({"a": [1, {"b": None}], "c": {}})) == [("a[0]", 1), ("a[1].b", None)]


@pytest.mark.parametrize("provider", ADAPTERS)
def test_every_adapter_says_everything_somewhere(provider):
    """Instructions, message, limit and schema have a place in each payload, and the key is not real."""
    made = facets(provider)
    assert "nowhere" not in made.values()
    assert KEY in made["header with the key"]


def test_words_do_not_change_with_the_provider():
    """Only places do."""
    assert not [name for name in differing(*ADAPTERS) if name.startswith("wording")]
    assert {row["compared"] for row in compare("openai", "openai").rows} == {"same"}


def test_two_outputs_show_either_end():
    """A decision and a failure each stand beside their record."""
    lab = connect(script=["ok", "quota"])
    good, bad = lab.boundary.call(TASK, EVIDENCE), lab.boundary.call(TASK, EVIDENCE)
    assert "a typed decision\n" in two_outputs(good).to_text()
    assert "tell_operations" in two_outputs(bad).to_text()
    assert [row["http_status"] for row in attempts(bad.record).rows] == [429]
