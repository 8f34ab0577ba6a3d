"""Anthropic Messages. The typed answer comes back as the input of a tool that the model is made to call.

Source: the Anthropic API reference, Messages and tool use.
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
    read_event,
)
from labkit.providers.base import (
    Malformed,
    Reply,
    Request,
    Response,
    as_text,
    at,
    read_object,
    read_usage,
    word,
    words,
)
from labkit.schema import response_schema
from labkit.sse import Event
from labkit.usage import Usage

VERSION = "2023-06-01"
FINISHED = frozenset({"end_turn", "tool_use", "stop_sequence"})
MOST_BLOCKS = 1000


class AnthropicMessages:
    """One task as a message with one forced tool: the tool is a form to fill in, never an action.

    `form` is what the server can be asked for: "tool", "schema" (its output format), or "text" for servers
    that know neither. The gates are the same for all three.
    """

    name = "anthropic"

    def __init__(self, form: Literal["tool", "schema", "text"] = "tool") -> None:
        self.form = form

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
        if not prompt.result.plain_text and self.form == "tool":
            name = prompt.result.schema_name
            form = {
                "name": name,
                "description": "Record the answer in this form.",
                "input_schema": response_schema(prompt.result),
            }
            body |= {"tools": [form], "tool_choice": {"type": "tool", "name": name}}
        elif not prompt.result.plain_text and self.form == "schema":
            schema = response_schema(prompt.result)
            body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        return Request("/v1/messages", body, {"anthropic-version": VERSION})

    def stream_request(self, task: Task, evidence: Evidence, model: str) -> Request:
        """The same request as a stream."""
        request = self.request(task, evidence, model)
        return Request(request.path, {**request.body, "stream": True}, {**request.headers, **STREAM_HEADERS})

    def reask(self, request: Request, line: str) -> Request:
        """The same request with one more message."""
        more = [*request.body["messages"], {"role": "user", "content": line}]
        return Request(request.path, {**request.body, "messages": more}, request.headers)

    def accumulator(self) -> MessagesStream:
        """Read one stream."""
        return MessagesStream()

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
            incomplete=stop not in FINISHED,
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
            return as_text(at(block, "input"))
    return "".join(text for block in blocks if isinstance(text := at(block, "text"), str))


class MessagesStream(Accumulator):
    """Named events: the message starts, its blocks start and grow, it gets its stop reason, it stops."""

    def __init__(self) -> None:
        super().__init__()
        self._text: list[str] = []
        self._forms: dict[int, Pieces] = {}
        self._usage: dict[str, Any] = {}
        self._usage_is_final = False

    def take(self, event: Event) -> str:
        """Take one event. One of a type that this page does not know is passed over, as the API asks."""
        data = read_event(event)
        match data.get("type"):
            case "message_start":
                message = part(data, "message")
                self.model, self.id = word(message.get("model")), word(message.get("id"))
                self._usage.update(part(message, "usage"))
            case "content_block_start":
                self._start(data)
            case "content_block_delta":
                return self._grow(data)
            case "message_delta":
                self.finish = word(part(data, "delta").get("stop_reason")) or self.finish
                # Cumulative counts; a null says nothing about what the start reported.
                counts = part(data, "usage").items()
                self._usage.update({name: count for name, count in counts if count is not None})
                self._usage_is_final |= "usage" in data
            case "message_stop":
                self.done = True
            case "error":
                self.done = True
                self.error_codes = words(
                    at(data, "error", "details", "error_code"), at(data, "error", "type")
                )
        return ""

    def _start(self, data: dict[str, Any]) -> None:
        index, block = _index(data), part(data, "content_block")
        if block.get("type") == "tool_use":
            self._forms[index] = Pieces()
            self._forms[index].name = word(block.get("name")) or ""

    def _grow(self, data: dict[str, Any]) -> str:
        delta = part(data, "delta")
        match delta.get("type"):
            case "text_delta":
                return self._keep(self._text, delta.get("text"))
            case "input_json_delta":
                form = self._forms.get(_index(data))
                if form is None:
                    raise BadEvent("event_order")
                return self._keep(form.arguments, delta.get("partial_json"))
        return ""

    @property
    def whole(self) -> bool:
        """A stop reason and `message_stop`."""
        return self.done and self.finish is not None and self.error_codes is None

    @property
    def buffered_calls(self) -> tuple[ToolCall, ...]:
        """Tool calls so far. The first is the form that the answer comes in."""
        return tuple(form.call() for _, form in sorted(self._forms.items()))

    def reply(self) -> Reply:
        """The reply so far: the form if there is one, else the text."""
        form = next(iter(self.buffered_calls), None)
        return Reply(
            text="".join(self._text) if form is None else form.arguments or "{}",
            finish=self.finish,
            refused=self.finish == "refusal",
            incomplete=self.finish not in FINISHED,
            # The start's output count is a placeholder: until the final one has come, usage is unknown.
            usage=read_usage(Usage.from_anthropic, self._usage) if self._usage_is_final else None,
            model=self.model,
            id=self.id,
        )


def _index(data: dict[str, Any]) -> int:
    index = data.get("index")
    if type(index) is not int or not 0 <= index < MOST_BLOCKS:
        raise BadEvent("event_shape")
    return index
