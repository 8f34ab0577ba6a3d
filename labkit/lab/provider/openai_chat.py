"""OpenAI Chat Completions: request checks, and the response that the official SDK accepts.

Most gateways and local servers speak this format, each a little differently; this one keeps to what the
official SDK accepts under strict validation, and refuses what the real API refuses.

    prompt = read(body)            # raises Problem: 400 in OpenAI's words
    complete(draft, envelope)      # the chat.completion object
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from labkit.lab.provider.checks import OPENAI, Fields
from labkit.lab.provider.draft import Draft, Finish, dumps
from labkit.lab.provider.envelope import Envelope
from labkit.lab.provider.prompt import Prompt, Segment, Tool
from labkit.lab.provider.strict import refuse_loose_schema

_ROLES = ("system", "developer", "user", "assistant", "tool")
_KNOWN = re.findall(
    r"\w+",
    """
    model messages audio frequency_penalty function_call functions logit_bias logprobs
    max_completion_tokens max_tokens metadata modalities n parallel_tool_calls prediction
    presence_penalty prompt_cache_key prompt_cache_retention reasoning_effort response_format
    safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools
    top_logprobs top_p user verbosity
    """,
)


def read(body: Mapping[str, Any]) -> Prompt:
    """Check a request body and read what it asks for."""
    fields = Fields(body, OPENAI)
    fields.text("model", required=True)
    messages = fields.items("messages", required=True)
    fields.no_others(*_KNOWN)
    fields.get("stream", "boolean")
    if fields.inner("stream_options") and not body.get("stream"):
        raise fields.refuse("stream_options", "it only together with 'stream': true")
    fields.number("temperature", 0, 2)
    fields.number("top_p", 0, 1)
    if fields.number("n", 1, 128, whole=True) not in (None, 1):
        raise fields.refuse("n", "1: the practice model gives one choice")
    texts = [(_role(message), _text(message)) for message in messages]
    tools = tuple(_tool(tool) for tool in fields.items("tools"))
    may_call, must_call = _tool_choice(fields, tools)
    name, schema, wants_json = _format(fields, texts)
    return Prompt(
        system="\n".join(text for role, text in texts if role in ("system", "developer")),
        user="\n".join(text for role, text in texts if role == "user"),
        task=name or must_call,
        schema=schema or next((tool.schema for tool in tools if tool.name == must_call), None),
        wants_json=wants_json,
        tools=tools,
        may_call=may_call,
        must_call=must_call,
        has_tool_result=any(role == "tool" for role, _ in texts),
        max_tokens=_limit(fields),
        cache_key=fields.text("prompt_cache_key") or "",
        segments=(*_preamble(body), *(Segment(f"{role}\n{text}\n") for role, text in texts)),
    )


def _preamble(body: Mapping[str, Any]) -> list[Segment]:
    """Tools and schema are part of the prompt: they cost tokens and belong to the cached prefix."""
    parts = [body[name] for name in ("tools", "response_format") if body.get(name)]
    return [Segment(dumps(part)) for part in parts]


def _limit(fields: Fields) -> int | None:
    newer = fields.number("max_completion_tokens", 1, 1_000_000, whole=True)
    older = fields.number("max_tokens", 1, 1_000_000, whole=True)
    limit: int | None = newer if newer is not None else older
    return limit


def _role(message: Fields) -> str:
    role = message.choice("role", _ROLES, required=True) or ""
    if role == "tool":
        message.text("tool_call_id", required=True)
    return role


def _text(message: Fields) -> str:
    """A message's text: a string, or the text parts of an array."""
    calls = message.body.get("tool_calls")
    content = message.get("content", "string", "array", required=not calls)
    if content is None or isinstance(content, str):
        return content or ""
    parts = message.items("content", required=True)
    for part in parts:
        part.choice("type", ("text", "refusal", "image_url", "input_audio", "file"), required=True)
    return "\n".join(part.text("text") or "" for part in parts)


def _tool(tool: Fields) -> Tool:
    tool.choice("type", ("function",), required=True)
    function = tool.object("function")
    schema = function.get("parameters", "object") or {}
    if function.get("strict", "boolean"):
        refuse_loose_schema(schema, f"{function.name('parameters')}", function.text("name") or "")
    return Tool(function.text("name", required=True) or "", schema)


def _tool_choice(fields: Fields, tools: tuple[Tool, ...]) -> tuple[bool, str | None]:
    """Whether the model may call a tool, and the one it must call."""
    choice = fields.get("tool_choice", "string", "object")
    if choice is None:
        return True, None
    if not tools:
        raise fields.refuse("tool_choice", "it only together with 'tools'")
    if isinstance(choice, str):
        fields.choice("tool_choice", ("none", "auto", "required"))
        return choice != "none", tools[0].name if choice == "required" else None
    named = Fields(choice, OPENAI, "tool_choice").object("function")
    name = named.choice("name", [tool.name for tool in tools], required=True)
    return True, name


def _format(
    fields: Fields, texts: list[tuple[str, str]]
) -> tuple[str | None, Mapping[str, Any] | None, bool]:
    """The response format: its schema's name, the schema, and whether JSON was asked for."""
    chosen = fields.inner("response_format")
    if chosen is None:
        return None, None, False
    kind = chosen.choice("type", ("text", "json_object", "json_schema"), required=True)
    if kind == "json_object" and not any("json" in text.lower() for _, text in texts):
        raise fields.refuse("messages", "the word 'json' in a message when response_format is json_object")
    if kind != "json_schema":
        return None, None, kind == "json_object"
    wrapper = chosen.object("json_schema")
    name = wrapper.text("name", required=True) or ""
    schema = wrapper.get("schema", "object", required=bool(wrapper.get("strict", "boolean"))) or {}
    if wrapper.body.get("strict"):
        refuse_loose_schema(schema, "response_format", name)
    return name, schema, True


FINISHES = {
    Finish.STOP: "stop",
    Finish.LENGTH: "length",
    Finish.FILTER: "content_filter",
    Finish.TOOL: "tool_calls",
    Finish.REFUSAL: "stop",
    Finish.UNKNOWN: "practice_pause",
}


def usage(envelope: Envelope) -> dict[str, Any]:
    """Usage in Chat Completions' words: cached tokens are part of the prompt tokens."""
    count = envelope.usage
    return {
        "prompt_tokens": count.input_tokens,
        "completion_tokens": count.output_tokens,
        "total_tokens": count.input_tokens + count.output_tokens,
        "prompt_tokens_details": {"cached_tokens": count.cached, "cache_write_tokens": count.written},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def complete(draft: Draft, envelope: Envelope) -> dict[str, Any]:
    """The chat.completion object."""
    message: dict[str, Any] = {"role": "assistant", "content": draft.text or None, "refusal": draft.refusal}
    if draft.finish is Finish.STOP and draft.call is None and not draft.text:
        message["content"] = ""
    if draft.call is not None:
        function = {"name": draft.call.name, "arguments": draft.call.arguments}
        message["tool_calls"] = [{"id": envelope.part_id("call_"), "type": "function", "function": function}]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISHES[draft.finish]}
    body: dict[str, Any] = {
        "id": envelope.id,
        "object": "chat.completion",
        "created": envelope.created,
        "model": envelope.model,
        "choices": [choice],
        "usage": usage(envelope),
        "system_fingerprint": "fp_practice",
        "service_tier": "default",
    }
    if not draft.tells_usage:
        del body["usage"]
    return body
