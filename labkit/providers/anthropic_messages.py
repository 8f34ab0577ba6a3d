"""Anthropic Messages. The typed answer comes back as the input of a tool that the model is made to call.

Source: the Anthropic API reference, Messages and tool use.
"""

from __future__ import annotations

import json
from typing import Any

from labkit.contracts import Evidence, Task
from labkit.prompts import prompt_for, user_message
from labkit.providers.base import (
    Malformed,
    Reply,
    Request,
    Response,
    at,
    read_object,
    read_usage,
    word,
    words,
)
from labkit.schema import response_schema
from labkit.usage import Usage

VERSION = "2023-06-01"


class AnthropicMessages:
    """One task as a message with one forced tool: the tool is a form to fill in, never an action."""

    name = "anthropic"

    def auth_headers(self, key: str) -> dict[str, str]:
        """`x-api-key: …`."""
        return {"x-api-key": key}

    def request(self, task: Task, evidence: Evidence, model: str) -> Request:
        """A system string, one user message, and the result type as a tool's input schema."""
        prompt = prompt_for(task)
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": prompt.max_output_tokens,
            "system": prompt.system,
            "messages": [{"role": "user", "content": user_message(task, evidence)}],
        }
        if not prompt.result.plain_text:
            name = prompt.result.schema_name
            form = {
                "name": name,
                "description": "Record the answer in this form.",
                "input_schema": response_schema(prompt.result),
            }
            body |= {"tools": [form], "tool_choice": {"type": "tool", "name": name}}
        return Request("/v1/messages", body, {"anthropic-version": VERSION})

    def reply(self, response: Response) -> Reply | Malformed:
        """Read why the model stopped, then the tool's input, or plain text where there is no tool call."""
        body = read_object(response.body)
        if body is None:
            return Malformed("not_json")
        blocks = body.get("content")
        if not isinstance(blocks, list):
            return Malformed("no_content")
        stop = word(body.get("stop_reason"))
        return Reply(
            text=_answer(blocks),
            finish=stop,
            refused=stop == "refusal",
            incomplete=stop not in {"end_turn", "tool_use", "stop_sequence"},
            usage=read_usage(Usage.from_anthropic, body.get("usage")),
            model=word(body.get("model")),
            id=word(body.get("id")),
        )

    def error_codes(self, response: Response) -> tuple[str, ...]:
        """`error.details.error_code`, then `error.type`."""
        body = read_object(response.body)
        return words(at(body, "error", "details", "error_code"), at(body, "error", "type"))


def _answer(blocks: list[object]) -> str:
    """The first tool call's input as JSON text, so that every provider's answer meets the same gates."""
    for block in blocks:
        if at(block, "type") == "tool_use":
            return json.dumps(at(block, "input"), ensure_ascii=False)
    return "".join(text for block in blocks if isinstance(text := at(block, "text"), str))
