"""OpenAI Responses: the newer API, with events by name, and answers that may be made in the background.

Source: the OpenAI API reference, Responses, streaming events and background mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from labkit.contracts import IDENTIFIER, Evidence, Task
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
    at,
    read_object,
    read_usage,
    word,
    words,
)
from labkit.schema import response_schema
from labkit.sse import Event
from labkit.usage import Usage

PATH = "/v1/responses"
UNDER_WAY = frozenset({"queued", "in_progress"})
MOST_ITEMS = 1000


class OpenAIResponses:
    """One task as a response with a strict JSON schema.

    With `background`, the provider answers at once with an id and works on: the caller asks again until the
    answer is there, and cancels what it no longer wants. A lost connection then loses nothing.
    `form` is as for `OpenAIChat`.
    """

    name = "openai_responses"

    def __init__(
        self, form: Literal["schema", "json", "text"] = "schema", *, background: bool = False
    ) -> None:
        self.form = form
        self.background = background

    def auth_headers(self, key: str) -> dict[str, str]:
        """`Authorization: Bearer …`."""
        return {"authorization": f"Bearer {key}"}

    def request(self, task: Task, evidence: Evidence, model: str) -> Request:
        """Instructions and input, and the result type as a strict schema."""
        prompt = prompt_for(task)
        body: dict[str, Any] = {
            "model": model,
            "instructions": prompt.system,
            "input": user_message(task, evidence),
            "max_output_tokens": prompt.max_output_tokens,
            # Background answers have to be kept until they are fetched; all others are not kept at all.
            "store": self.background,
        }
        if not prompt.result.plain_text and self.form == "schema":
            form = {
                "type": "json_schema",
                "name": prompt.result.schema_name,
                "strict": True,
                "schema": response_schema(prompt.result),
            }
            body["text"] = {"format": form}
        elif not prompt.result.plain_text and self.form == "json":
            body["text"] = {"format": {"type": "json_object"}}
        if self.background:
            body["background"] = True
        return Request(PATH, body)

    def stream_request(self, task: Task, evidence: Evidence, model: str) -> Request:
        """The same request as a stream."""
        request = self.request(task, evidence, model)
        return Request(request.path, {**request.body, "stream": True}, STREAM_HEADERS)

    def reask(self, request: Request, line: str) -> Request:
        """The same request with one more line of input."""
        more = f"{request.body['input']}\n\n{line}"
        return Request(request.path, {**request.body, "input": more}, request.headers)

    def accumulator(self) -> ResponsesStream:
        """Read one stream."""
        return ResponsesStream()

    def poll(self, response: Response) -> Request | None:
        """The request that asks again for an answer that is still being made; None when it is not."""
        body = read_object(response.body)
        response_id, status = word(at(body, "id")), word(at(body, "status"))
        if status not in UNDER_WAY or response_id is None or IDENTIFIER.fullmatch(response_id) is None:
            return None
        return Request(f"{PATH}/{response_id}", {}, method="GET")

    def cancel(self, poll: Request) -> Request:
        """The request that stops what `poll` asks for."""
        return Request(f"{poll.path}/cancel", {})

    def reply(self, response: Response) -> Reply | Malformed:
        """Read the status before the text."""
        body = read_object(response.body)
        if body is None:
            return Malformed("not_json")
        if not isinstance(body.get("output"), list):
            return Malformed("no_output")
        if body.get("status") == "failed":
            return Malformed("failed", _failure_codes(body))
        return _reply(body)

    def error_codes(self, response: Response) -> tuple[str, ...]:
        """`error.code`, then `error.type`."""
        body = read_object(response.body)
        return words(at(body, "error", "code"), at(body, "error", "type"))


def _reply(body: Mapping[str, Any]) -> Reply:
    status = word(body.get("status"))
    because = word(at(body, "incomplete_details", "reason"))
    messages = [item for item in _list(body.get("output")) if at(item, "type") == "message"]
    content = [piece for message in messages for piece in _list(at(message, "content"))]
    texts = [at(piece, "text") for piece in content if at(piece, "type") == "output_text"]
    return Reply(
        text="".join(words(*texts)),
        finish=because or status,
        refused=because == "content_filter" or any(at(piece, "type") == "refusal" for piece in content),
        incomplete=status != "completed",
        usage=read_usage(Usage.from_openai, body.get("usage")),
        model=word(body.get("model")),
        id=word(body.get("id")),
    )


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _failure_codes(body: Mapping[str, Any]) -> tuple[str, ...]:
    return words(at(body, "error", "code")) or ("server_error",)


class ResponsesStream(Accumulator):
    """Named, numbered events. The last one carries the whole response, which is what counts."""

    def __init__(self) -> None:
        super().__init__()
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._calls: dict[int, Pieces] = {}
        self._last: Reply | None = None
        self._number: int | None = None

    def take(self, event: Event) -> str:
        """Take one event. One of a type that this page does not know is passed over."""
        data = read_event(event)
        kind = data.get("type")
        if kind != "error":  # what went wrong matters more than its number
            self._count(data.get("sequence_number"))
        match kind:
            case "response.output_text.delta":
                return self._keep(self._text, data.get("delta"))
            case "response.refusal.delta":
                self._keep(self._refusal, data.get("delta"))
            case "response.output_item.added":
                item = part(data, "item")
                if item.get("type") == "function_call":
                    self._call(data).name = word(item.get("name")) or ""
            case "response.function_call_arguments.delta":
                self._keep(self._call(data).arguments, data.get("delta"))
            case "response.created" | "response.queued" | "response.in_progress":
                self.model, self.id = word(at(data, "response", "model")), word(at(data, "response", "id"))
            case "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled":
                self._end(part(data, "response"))
            case "error":
                self.done = True
                self.error_codes = words(
                    data.get("code"), at(data, "error", "code"), at(data, "error", "type")
                )
        return ""

    def _count(self, number: object) -> None:
        """Events carry consecutive numbers: a gap is lost text, a number twice is text told twice."""
        if type(number) is not int or number < 0:
            return
        if self._number is not None and number != self._number + 1:
            raise BadEvent("event_order")
        self._number = number

    def _call(self, data: dict[str, Any]) -> Pieces:
        index = data.get("output_index")
        if type(index) is not int or not 0 <= index < MOST_ITEMS:
            raise BadEvent("event_shape")
        return self._calls.setdefault(index, Pieces())

    def _end(self, response: dict[str, Any]) -> None:
        self.done = True
        if response.get("status") == "failed":
            self.error_codes = _failure_codes(response)
        self._last = _reply(response)
        self.finish = self._last.finish

    @property
    def whole(self) -> bool:
        """An event that ends the response, and carries it."""
        return self.done and self._last is not None and self.error_codes is None

    @property
    def buffered_calls(self) -> tuple[ToolCall, ...]:
        """Tool calls so far."""
        return tuple(pieces.call() for _, pieces in sorted(self._calls.items()))

    def reply(self) -> Reply:
        """The response that the last event carried; before it, what the deltas said."""
        if self._last is not None:
            return self._last
        return Reply(
            "".join(self._text), refused=bool(self._refusal), incomplete=True, model=self.model, id=self.id
        )
