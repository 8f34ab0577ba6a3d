"""The case of the lessons as raw requests, for tests that must not depend on our own adapters."""

from typing import Any

import anthropic
import openai

from labkit.lab.provider import Provider

MODEL = "practice-model"
LINE = "P-7: Stale service-account keys are rotated within 30 days."
FACTS = (
    '{"account_id": "acct_10234", "credential_age_days": 12, "key_stale": true, "policy_line_ids": ["P-7"]}'
)
QUESTION = "Can I rotate the stale service-account key for account acct_10234?"
DECISION = {"decision": "eligible", "rotation_window_days": 30, "source_line_ids": ["P-7"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "decision": {"type": "string", "enum": ["eligible", "not_eligible", "not_specified"]},
        "rotation_window_days": {"type": "integer"},
        "source_line_ids": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["decision", "rotation_window_days", "source_line_ids"],
    "additionalProperties": False,
}
ACTION_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"account_id": {"type": "string"}, "policy_line_id": {"type": "string"}},
    "required": ["account_id", "policy_line_id"],
    "additionalProperties": False,
}


def user(*, lines: str = LINE, facts: str = FACTS, question: str = QUESTION) -> str:
    """The user message in its wire shape."""
    return f"Policy lines:\n{lines}\n\nAccount facts:\n{facts}\n\nQuestion:\n{question}"


def chat_body(**changes: Any) -> dict[str, Any]:
    """A Chat Completions request for the decision."""
    form = {"name": "rotation_decision", "strict": True, "schema": SCHEMA}
    body = {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "Answer in JSON."},
            {"role": "user", "content": user()},
        ],
        "response_format": {"type": "json_schema", "json_schema": form},
    }
    return without_none({**body, **changes})


def messages_body(**changes: Any) -> dict[str, Any]:
    """A Messages request for the decision, through a forced tool."""
    body = {
        "model": MODEL,
        "max_tokens": 500,
        "system": "Answer in JSON.",
        "messages": [{"role": "user", "content": user()}],
        "tools": [{"name": "rotation_decision", "input_schema": SCHEMA}],
        "tool_choice": {"type": "tool", "name": "rotation_decision"},
    }
    return without_none({**body, **changes})


def without_none(body: dict[str, Any]) -> dict[str, Any]:
    """A change to None takes the field out."""
    return {name: value for name, value in body.items() if value is not None}


def openai_client(provider: Provider, **options: Any) -> openai.OpenAI:
    """The official SDK with strict response validation and no retries of its own."""
    settings = {"max_retries": 0, "_strict_response_validation": True, "timeout": 5.0}
    return openai.OpenAI(base_url=provider.openai_url, api_key=provider.key, **{**settings, **options})


def anthropic_client(provider: Provider, **options: Any) -> anthropic.Anthropic:
    """The official SDK with strict response validation and no retries of its own."""
    settings = {"max_retries": 0, "_strict_response_validation": True, "timeout": 5.0}
    return anthropic.Anthropic(base_url=provider.base_url, api_key=provider.key, **{**settings, **options})


def bearer(provider: Provider) -> dict[str, str]:
    """Headers that both APIs accept."""
    return {"authorization": f"Bearer {provider.key}", "anthropic-version": "2023-06-01"}
