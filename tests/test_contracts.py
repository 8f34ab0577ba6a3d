"""The task contract: what it holds, what it refuses, and what it never shows."""

from __future__ import annotations

import dataclasses
import pickle
import traceback
from typing import Any

import pytest
from pydantic import ValidationError

from labkit.contracts import ContractError, Failure, RotationDecision, Task
from labkit.failures import NEXT_STEP, Kind
from labkit.lab.case import EVIDENCE, QUESTION, TASK
from labkit.records import CallRecord

CUSTOMER_TEXT = "my mother's name is Ottoline"


def test_the_task_of_the_lesson() -> None:
    """Eight fields, two of them with a default: 20 seconds, 2 retries."""
    assert {
        "task": "decide_rotation",
        "account_id": "acct_10234",
        "policy_line_ids": ("P-7",),
        "customer_question": QUESTION,
        "trace_id": "trace_acct_10234_01",
        "prompt_version": "rotation_decision@2",
        "timeout_seconds": 20.0,
        "max_retries": 2,
    } == dataclasses.asdict(TASK)


def test_the_facts_of_the_lesson() -> None:
    """The account's four facts."""
    assert {
        "account_id": "acct_10234",
        "credential_age_days": 12,
        "key_stale": True,
        "policy_line_ids": ["P-7"],
    } == EVIDENCE.facts


def test_a_task_cannot_change() -> None:
    """What was validated is what is sent."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        TASK.max_retries = 9  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("task", "approve_rotation"),
        ("task", None),
        ("account_id", ""),
        ("account_id", "acct 10234"),
        ("account_id", "acct_10234\n"),
        ("account_id", 10234),
        ("policy_line_ids", ["P-7"]),
        ("policy_line_ids", "P-7"),
        ("policy_line_ids", ("P-7", "P-7")),
        ("policy_line_ids", ("P 7",)),
        ("customer_question", " "),
        ("customer_question", None),
        ("trace_id", ""),
        ("prompt_version", "rotation_decision"),
        ("prompt_version", "rotation_decision@latest"),
        ("timeout_seconds", 0),
        ("timeout_seconds", -1.0),
        ("timeout_seconds", float("inf")),
        ("timeout_seconds", float("nan")),
        ("timeout_seconds", True),
        ("timeout_seconds", "20"),
        ("max_retries", -1),
        ("max_retries", 11),
        ("max_retries", 2.0),
        ("max_retries", True),
    ],
)
def test_what_the_contract_refuses(field: str, value: Any) -> None:
    """Each bad value is refused by its field's name."""
    with pytest.raises(ContractError, match=f"Task.{field}"):
        dataclasses.replace(TASK, **{field: value})


def test_no_permission_in_the_contract() -> None:
    """A task asks. There is no field with which it could approve, act or create."""
    with pytest.raises(TypeError):
        Task(**dataclasses.asdict(TASK), approved=True)  # type: ignore[call-arg]


def test_customer_text_is_not_shown() -> None:
    """Neither a repr nor a refusal repeats what the customer wrote."""
    task = dataclasses.replace(TASK, customer_question=CUSTOMER_TEXT)
    assert CUSTOMER_TEXT not in repr(task)
    with pytest.raises(ContractError) as caught:
        dataclasses.replace(task, account_id=CUSTOMER_TEXT)
    assert CUSTOMER_TEXT not in "".join(traceback.format_exception(caught.value))


def test_a_task_survives_a_process_boundary() -> None:
    """Work goes to other processes as it is."""
    assert TASK == pickle.loads(pickle.dumps(TASK))


@pytest.mark.parametrize(
    "fields",
    [
        {"decision": "maybe"},
        {"rotation_window_days": "30"},
        {"rotation_window_days": 30.0},
        {"rotation_window_days": True},
        {"source_line_ids": "P-7"},
        {"approved": True},
    ],
)
def test_a_decision_is_typed_and_closed(fields: dict[str, Any]) -> None:
    """No conversion, no extra field."""
    good = {"decision": "eligible", "rotation_window_days": 30, "source_line_ids": ("P-7",)}
    RotationDecision(**good)
    with pytest.raises(ValidationError):
        RotationDecision(**good | fields)


def test_every_failure_has_a_next_step() -> None:
    """A product can act on every kind but ok, which is no failure."""
    assert set(Kind) - {Kind.OK} == set(NEXT_STEP)


def test_a_failure_in_two_words() -> None:
    """What a route handler hands to a screen."""
    record = CallRecord("t", "decide_rotation", "m", "rotation_decision@2", 1.0, Kind.TIMEOUT)
    assert {"status": "timeout", "next_step": "show_retry_option"} == Failure(
        Kind.TIMEOUT, "deadline", record
    ).summary()
