"""OpenAI Chat Completions, also spoken by most gateways and local servers.

Source: the OpenAI API reference, Chat Completions and Structured Outputs.
"""

from __future__ import annotations

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


class OpenAIChat:
    """One task as a chat completion with a strict JSON schema."""

    name = "openai"

    def auth_headers(self, key: str) -> dict[str, str]:
        """`Authorization: Bearer …`."""
        return {"authorization": f"Bearer {key}"}

    def request(self, task: Task, evidence: Evidence, model: str) -> Request:
        """System and user message, and the result type as a strict schema."""
        prompt = prompt_for(task)
        body: dict[str, Any] = {
            "model": model,
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": user_message(task, evidence)},
            ],
            "max_completion_tokens": prompt.max_output_tokens,
        }
        if not prompt.result.plain_text:
            form = {
                "name": prompt.result.schema_name,
                "strict": True,
                "schema": response_schema(prompt.result),
            }
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        return Request("/v1/chat/completions", body)

    def reply(self, response: Response) -> Reply | Malformed:
        """Read why the model stopped before reading what it wrote."""
        body = read_object(response.body)
        if body is None:
            return Malformed("not_json")
        choice = at(body, "choices", 0)
        if not isinstance(choice, dict):
            return Malformed("no_choices")
        finish = word(choice.get("finish_reason"))
        content = at(choice, "message", "content")
        return Reply(
            text=content if isinstance(content, str) else "",
            finish=finish,
            refused=bool(at(choice, "message", "refusal")) or finish == "content_filter",
            incomplete=finish != "stop",
            usage=read_usage(Usage.from_openai, body.get("usage")),
            model=word(body.get("model")),
            id=word(body.get("id")),
        )

    def error_codes(self, response: Response) -> tuple[str, ...]:
        """`error.code`, then `error.type`."""
        body = read_object(response.body)
        return words(at(body, "error", "code"), at(body, "error", "type"))
