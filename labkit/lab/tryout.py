"""Try values in the contract and see what it says: the field table of lesson 02.

A list of fields tells nothing about why they are there. Here each field has the question that it answers,
and any value can be tried against it::

    attempt(timeout_seconds=0)          # "refused: Task.timeout_seconds: wanted …"
    field_table("timeout_seconds")      # every field, its value in the case, the question it answers
"""

from __future__ import annotations

import ast
from dataclasses import asdict, fields
from typing import Any

from labkit.contracts import Task
from labkit.lab.case import TASK
from labkit.lab.present import Table

ACCEPTED = "accepted"

# What each part answers; the data-handling rule and the idempotency key live beside the task, not in it.
ANSWERS = {
    "task": "What was asked?",
    "account_id": "Whom do the logs trace?",
    "policy_line_ids": "Which lines may the answer rest on?",
    "customer_question": "What did the customer write? It is data, and it is not logged.",
    "trace_id": "Which call was it, across all systems?",
    "prompt_version": "Which wording produced this answer?",
    "timeout_seconds": "How long may the person wait?",
    "max_retries": "How often may it be tried again?",
}


def attempt(**values: Any) -> str:
    """What the contract says to the case with these values put in: accepted, or the refusal in its words."""
    try:
        Task(**{**asdict(TASK), **values})
    except (ValueError, TypeError) as error:
        return f"refused: {error}".replace("Task.__init__()", "Task")
    return ACCEPTED


def from_text(text: str) -> Any:
    """A typed-in value: a Python literal where it is one, else the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def field_table(name: str = "", value: object = None) -> Table:
    """Every field of the contract; the named one with the tried value in place of the case's."""
    rows = []
    for item in fields(Task):
        shown = value if item.name == name else getattr(TASK, item.name)
        rows.append({"field": item.name, "value": repr(shown), "answers": ANSWERS[item.name]})
    return Table(rows)


def try_field(field: str, value: str) -> Table:
    """One typed-in value against one field: what the contract says, and what the field is for."""
    tried = from_text(value)
    verdict = attempt(**{field: tried})
    return Table(
        [{"field": field, "tried": repr(tried), "the contract says": verdict, "answers": ANSWERS[field]}]
    )
