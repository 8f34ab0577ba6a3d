"""OpenAI Chat Completions, also spoken by most gateways and local servers.

Source: the OpenAI API reference, Chat Completions and Structured Outputs.
"""

from __future__ import annotations

from typing import Any, Literal

from labkit.contracts import Evidence, Task
from labkit.prompts import prompt_for, user_message
from labkit.providers.accumulate import (
    STREAM_HEADERS,
    Accumulator,
    BadEvent,
    Pieces,
    ToolCall,
    part,
    parts,
    read_event,
)
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
from labkit.sse import Event
from labkit.usage import Usage


class OpenAIChat:
    """One task as a chat completion with a strict JSON schema.

    `form` is what the server can be asked for: "schema" (Structured Outputs), "json" (JSON mode: valid JSON
    of any shape), or "text" for servers that know neither. The gates are the same for all three.
    """

    name = "openai"

    def __init__(self, form: Literal["schema", "json", "text"] = "schema") -> None:
        self.form = form

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
        if not prompt.result.plain_text and self.form == "schema":
            form = {
                "name": prompt.result.schema_name,
                "strict": True,
                "schema": response_schema(prompt.result),
            }
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        elif not prompt.result.plain_text and self.form == "json":
            body["response_format"] = {"type": "json_object"}
        return Request("/v1/chat/completions", body)

    def stream_request(self, task: Task, evidence: Evidence, model: str) -> Request:
        """The same request as a stream, with the usage chunk that is only sent when asked for."""
        request = self.request(task, evidence, model)
        body = {**request.body, "stream": True, "stream_options": {"include_usage": True}}
        return Request(request.path, body, STREAM_HEADERS)

    def reask(self, request: Request, line: str) -> Request:
        """The same request with one more message."""
        more = [*request.body["messages"], {"role": "user", "content": line}]
        return Request(request.path, {**request.body, "messages": more}, request.headers)

    def accumulator(self) -> ChatStream:
        """Read one stream."""
        return ChatStream()

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


class ChatStream(Accumulator):
    """Chunks of `choices[0].delta`, then a usage chunk without choices, then `[DONE]`."""

    def __init__(self) -> None:
        super().__init__()
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._calls: dict[int, Pieces] = {}
        self._usage: object = None

    def take(self, event: Event) -> str:
        """Take one chunk."""
        if event.data == "[DONE]":
            self.done = True
            return ""
        chunk = read_event(event)
        if chunk.get("error") is not None or event.type == "error":
            self.done = True
            self.error_codes = words(at(chunk, "error", "code"), at(chunk, "error", "type"))
            return ""
        self.model = self.model or word(chunk.get("model"))
        self.id = self.id or word(chunk.get("id"))
        self._usage = chunk.get("usage") or self._usage
        return "".join(
            self._choice(choice) for choice in parts(chunk, "choices") if choice.get("index", 0) == 0
        )

    def _choice(self, choice: dict[str, Any]) -> str:
        self.finish = word(choice.get("finish_reason")) or self.finish
        delta = part(choice, "delta")
        self._keep(self._refusal, delta.get("refusal"))
        for call in parts(delta, "tool_calls"):
            self._call(call)
        return self._keep(self._text, delta.get("content"))

    def _call(self, call: dict[str, Any]) -> None:
        index = call.get("index")
        if type(index) is not int or not 0 <= index < MOST_CALLS:
            raise BadEvent("event_shape")
        pieces = self._calls.setdefault(index, Pieces())
        pieces.name = word(at(call, "function", "name")) or pieces.name
        self._keep(pieces.arguments, at(call, "function", "arguments"))

    @property
    def whole(self) -> bool:
        """A finish reason and `[DONE]`."""
        return self.done and self.finish is not None and self.error_codes is None

    @property
    def buffered_calls(self) -> tuple[ToolCall, ...]:
        """Tool calls so far."""
        return tuple(pieces.call() for _, pieces in sorted(self._calls.items()))

    def reply(self) -> Reply:
        """The reply so far."""
        return Reply(
            text="".join(self._text),
            finish=self.finish,
            refused=bool(self._refusal) or self.finish == "content_filter",
            incomplete=self.finish != "stop",
            usage=read_usage(Usage.from_openai, self._usage),
            model=self.model,
            id=self.id,
        )


MOST_CALLS = 128  # as many as the API lets a request declare
