"""Anthropic Messages: request checks, and the response that the official SDK accepts.

A provider that is almost right trains clients on its mistakes. This one is checked with the official
SDK's strict validation, field by field.

    prompt = read(body)            # raises Problem: 400 in Anthropic's words
    message(draft, envelope)       # the message object, as text: see `message`
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from labkit.lab.provider.checks import ANTHROPIC, Fields
from labkit.lab.provider.draft import Draft, Finish, dumps
from labkit.lab.provider.envelope import Envelope
from labkit.lab.provider.prompt import Prompt, Segment, Tool

_KNOWN = re.findall(
    r"\w+",
    """
    model messages max_tokens cache_control container inference_geo metadata output_config service_tier
    speed stop_sequences stream system temperature thinking tool_choice tools top_k top_p
    """,
)
_TTL = {"5m": 300, "1h": 3600}


def read(body: Mapping[str, Any]) -> Prompt:
    """Check a request body and read what it asks for."""
    fields = Fields(body, ANTHROPIC)
    fields.text("model", required=True)
    fields.get("max_tokens", "integer", required=True)
    limit = fields.number("max_tokens", 1, 1_000_000, whole=True)
    messages = fields.items("messages", required=True)
    fields.no_others(*_KNOWN)
    fields.get("stream", "boolean")
    fields.number("temperature", 0, 1)
    fields.number("top_p", 0, 1)
    tools = tuple(_tool(tool) for tool in fields.items("tools"))
    may_call, must_call = _tool_choice(fields, tools)
    system = _blocks(fields, "system")
    turns = [(_role(message), _blocks(message, "content", required=True)) for message in messages]
    if turns[0][0] != "user":
        raise fields.refuse("messages", "a first message with the role 'user'")
    schema = _schema(fields)
    segments = [
        *(Segment(dumps(tool.body), _mark(tool)) for tool in fields.items("tools")),
        *system,
        *(Segment(f"{role}\n{block.text}", block.ttl) for role, blocks in turns for block in blocks),
    ]
    if (ttl := _mark(fields)) is not None:
        # A mark on the whole request stands for one on its last block.
        segments[-1] = Segment(segments[-1].text, ttl)
    return Prompt(
        system="\n".join(block.text for block in system),
        user="\n".join(block.text for role, blocks in turns if role == "user" for block in blocks),
        task=must_call,
        schema=schema or next((tool.schema for tool in tools if tool.name == must_call), None),
        tools=tools,
        may_call=may_call,
        must_call=must_call,
        has_tool_result=_has_result(messages),
        max_tokens=limit,
        segments=tuple(segments),
    )


def _role(message: Fields) -> str:
    return message.choice("role", ("user", "assistant"), required=True) or ""


def _mark(fields: Fields) -> int | None:
    """The lifetime of a cache_control mark, or None where there is none."""
    mark = fields.inner("cache_control")
    if mark is None:
        return None
    mark.choice("type", ("ephemeral",), required=True)
    return _TTL[mark.choice("ttl", tuple(_TTL)) or "5m"]


def _blocks(fields: Fields, name: str, *, required: bool = False) -> list[Segment]:
    """A string, or an array of blocks, as segments."""
    value = fields.get(name, "string", "array", required=required)
    if value is None:
        return []
    if isinstance(value, str):
        if required and not value:
            raise fields.refuse(name, "text that is not empty")
        return [Segment(value)]
    return [_block(block) for block in fields.items(name, required=required)]


def _block(block: Fields) -> Segment:
    kinds = ("text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking")
    kind = block.choice("type", kinds, required=True)
    mark = _mark(block)
    if kind == "text":
        return Segment(block.text("text", required=True) or "", mark)
    if kind == "tool_result":
        block.text("tool_use_id", required=True)
    return Segment(dumps({key: value for key, value in block.body.items() if key != "cache_control"}), mark)


def _has_result(messages: list[Fields]) -> bool:
    contents = [message.body.get("content") for message in messages]
    return any(
        isinstance(block, Mapping) and block.get("type") == "tool_result"
        for content in contents
        if isinstance(content, list)
        for block in content
    )


def _tool(tool: Fields) -> Tool:
    name = tool.text("name", required=True) or ""
    schema = tool.get("input_schema", "object", required=True)
    if schema.get("type") != "object":
        raise tool.refuse("input_schema.type", "'object'")
    return Tool(name, schema)


def _tool_choice(fields: Fields, tools: tuple[Tool, ...]) -> tuple[bool, str | None]:
    choice = fields.inner("tool_choice")
    if choice is None:
        return True, None
    kind = choice.choice("type", ("auto", "any", "tool", "none"), required=True)
    if not tools:
        raise fields.refuse("tool_choice", "used only together with tools")
    if kind == "tool":
        return True, choice.choice("name", [tool.name for tool in tools], required=True)
    return kind != "none", tools[0].name if kind == "any" else None


def _schema(fields: Fields) -> Mapping[str, Any] | None:
    """The schema of `output_config.format`, where structured output is asked for without a tool."""
    config = fields.inner("output_config")
    chosen = config.inner("format") if config else None
    if chosen is None:
        return None
    chosen.choice("type", ("json_schema",), required=True)
    schema: Mapping[str, Any] = chosen.get("schema", "object", required=True)
    return schema


_STOPS = {
    Finish.STOP: "end_turn",
    Finish.LENGTH: "max_tokens",
    Finish.FILTER: "refusal",
    Finish.TOOL: "tool_use",
    Finish.REFUSAL: "refusal",
    Finish.UNKNOWN: "practice_pause",
}


def stop(draft: Draft) -> dict[str, Any]:
    """Why the message ended: stop_reason, and the details of a refusal."""
    refused = draft.finish in (Finish.REFUSAL, Finish.FILTER)
    details = {"type": "refusal", "category": None, "explanation": draft.refusal} if refused else None
    return {"stop_reason": _STOPS[draft.finish], "stop_sequence": None, "stop_details": details}


def usage(envelope: Envelope, output_tokens: int | None = None) -> dict[str, Any]:
    """Usage in Anthropic's words: cached and written tokens are *not* part of input_tokens."""
    count = envelope.usage
    return {
        "input_tokens": count.input_tokens - count.cached - count.written,
        "cache_read_input_tokens": count.cached,
        "cache_creation_input_tokens": count.written,
        "cache_creation": {
            "ephemeral_5m_input_tokens": count.written - count.written_1h,
            "ephemeral_1h_input_tokens": count.written_1h,
        },
        "output_tokens": count.output_tokens if output_tokens is None else output_tokens,
        "service_tier": "standard",
    }


def message(draft: Draft, envelope: Envelope) -> str:
    """The message object as JSON text.

    A tool's input is the model's own text, put in unread, so that doubled keys and absurd numbers reach
    the caller as they would from a model.
    """
    body: dict[str, Any] = {
        "id": envelope.id,
        "type": "message",
        "role": "assistant",
        "model": envelope.model,
        "content": [{"type": "text", "text": draft.text}] if draft.text else [],
        **stop(draft),
        "usage": usage(envelope),
    }
    if not draft.tells_usage:
        del body["usage"]
    if draft.call is None:
        return dumps(body)
    tool_use = {"type": "tool_use", "id": envelope.part_id("toolu_"), "name": draft.call.name, "input": _HOLE}
    body["content"].append(tool_use)
    return dumps(body).replace(dumps(_HOLE), _input(draft))


_HOLE = "\x00input\x00"


def _input(draft: Draft) -> str:
    """The tool's input as JSON text. What cannot be JSON at all is left out: the API sends an object."""
    arguments = draft.call.arguments if draft.call else "{}"
    try:
        json.loads(arguments)
    except RecursionError:
        return arguments
    except ValueError:
        return "{}"
    return arguments
