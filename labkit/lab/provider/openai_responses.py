"""OpenAI Responses: request checks, and the response object that the official SDK accepts.

Its answer is a list of items, so the text is three levels down, and "it stopped early" is a status
of the whole rather than a finish reason of a choice.

    prompt = read(body)                       # raises Problem: 400 in OpenAI's words
    respond(draft, envelope, echo(body))      # the response object
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

_KNOWN = re.findall(
    r"\w+",
    """
    model input background include instructions max_output_tokens max_tool_calls metadata
    parallel_tool_calls previous_response_id prompt_cache_key prompt_cache_retention reasoning
    safety_identifier service_tier store stream stream_options temperature text tool_choice tools
    top_logprobs top_p truncation user
    """,
)
_ITEMS = ("message", "function_call", "function_call_output", "reasoning", "item_reference")


def read(body: Mapping[str, Any]) -> Prompt:
    """Check a request body and read what it asks for."""
    fields = Fields(body, OPENAI)
    fields.text("model", required=True)
    given = fields.get("input", "string", "array", required=True)
    fields.no_others(*_KNOWN)
    _check_modes(fields)
    instructions = fields.text("instructions") or ""
    turns = [("user", given)] if isinstance(given, str) else [_item(item) for item in fields.items("input")]
    tools = tuple(_tool(tool) for tool in fields.items("tools"))
    may_call, must_call = _tool_choice(fields, tools)
    name, schema, wants_json = _format(fields)
    preamble = [Segment(dumps(body[part])) for part in ("tools", "text") if body.get(part)]
    return Prompt(
        system="\n".join([instructions, *(text for role, text in turns if role in ("system", "developer"))]),
        user="\n".join(text for role, text in turns if role == "user"),
        task=name or must_call,
        schema=schema or next((tool.schema for tool in tools if tool.name == must_call), None),
        wants_json=wants_json,
        tools=tools,
        may_call=may_call,
        must_call=must_call,
        has_tool_result=any(role == "tool" for role, _ in turns),
        max_tokens=fields.number("max_output_tokens", 16, 1_000_000, whole=True),
        cache_key=fields.text("prompt_cache_key") or "",
        segments=(*preamble, Segment(instructions), *(Segment(f"{role}\n{text}\n") for role, text in turns)),
    )


def _check_modes(fields: Fields) -> None:
    """What may not be asked for together, and what the practice provider does not keep."""
    stream, background = fields.get("stream", "boolean"), fields.get("background", "boolean")
    store = fields.get("store", "boolean")
    if background and store is False:
        raise fields.refuse("background", "it only together with 'store': true")
    if background and stream:
        raise fields.refuse("background", "it without 'stream': poll the response instead")
    if fields.text("previous_response_id"):
        raise fields.refuse("previous_response_id", "null: no conversation is kept here")
    fields.number("temperature", 0, 2)
    fields.number("top_p", 0, 1)


def _item(item: Fields) -> tuple[str, str]:
    """The role and the text of one input item."""
    kind = item.choice("type", _ITEMS) or "message"
    if kind == "function_call_output":
        item.text("call_id", required=True)
        return "tool", dumps(item.body.get("output"))
    if kind != "message":
        return "assistant", dumps(item.body)
    role = item.choice("role", ("user", "assistant", "system", "developer"), required=True) or ""
    content = item.get("content", "string", "array", required=True)
    if isinstance(content, str):
        return role, content
    parts = item.items("content", required=True)
    for part in parts:
        part.choice(
            "type", ("input_text", "output_text", "refusal", "input_image", "input_file"), required=True
        )
    return role, "\n".join(part.text("text") or "" for part in parts)


def _tool(tool: Fields) -> Tool:
    tool.choice("type", ("function",), required=True)
    name = tool.text("name", required=True) or ""
    schema = tool.get("parameters", "object") or {}
    if tool.get("strict", "boolean"):
        refuse_loose_schema(schema, tool.name("parameters"), name)
    return Tool(name, schema)


def _tool_choice(fields: Fields, tools: tuple[Tool, ...]) -> tuple[bool, str | None]:
    choice = fields.get("tool_choice", "string", "object")
    if choice is None:
        return True, None
    if isinstance(choice, str):
        fields.choice("tool_choice", ("none", "auto", "required"))
        return choice != "none", tools[0].name if choice == "required" and tools else None
    return True, fields.object("tool_choice").choice("name", [tool.name for tool in tools], required=True)


def _format(fields: Fields) -> tuple[str | None, Mapping[str, Any] | None, bool]:
    text = fields.inner("text")
    chosen = text.inner("format") if text else None
    if chosen is None:
        return None, None, False
    kind = chosen.choice("type", ("text", "json_object", "json_schema"), required=True)
    if kind != "json_schema":
        return None, None, kind == "json_object"
    name = chosen.text("name", required=True) or ""
    schema = chosen.get("schema", "object", required=True)
    if chosen.get("strict", "boolean"):
        refuse_loose_schema(schema, "text.format.schema", name)
    return name, schema, True


# ── the response object ──


def usage(envelope: Envelope) -> dict[str, Any]:
    """Usage in the Responses API's words: cached and written tokens are part of the input tokens."""
    count = envelope.usage
    return {
        "input_tokens": count.input_tokens,
        "input_tokens_details": {"cached_tokens": count.cached, "cache_write_tokens": count.written},
        "output_tokens": count.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": count.input_tokens + count.output_tokens,
    }


def skeleton(envelope: Envelope, body: Mapping[str, Any], status: str) -> dict[str, Any]:
    """The response object without output: what is known before the model has written anything."""
    tools = [{"strict": False, "parameters": {}, **tool} for tool in body.get("tools") or []]
    return {
        "id": envelope.id,
        "object": "response",
        "created_at": envelope.created,
        "status": status,
        "background": bool(body.get("background")),
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "metadata": body.get("metadata") or {},
        "model": envelope.model,
        "output": [],
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "store": body.get("store", True) is not False,
        "temperature": body.get("temperature", 1.0),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": tools,
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": None,
    }


def final_status(draft: Draft) -> tuple[str, str | None]:
    """The status that a draft ends in, and the reason where it is incomplete."""
    reasons = {Finish.LENGTH: "max_output_tokens", Finish.FILTER: "content_filter", Finish.UNKNOWN: "steered"}
    reason = reasons.get(draft.finish)
    return ("incomplete" if reason else "completed"), reason


def items(draft: Draft, envelope: Envelope) -> list[dict[str, Any]]:
    """The output items of a draft: a message, or a function call."""
    status = final_status(draft)[0]
    if draft.call is not None:
        call = {"id": envelope.part_id("fc_"), "call_id": envelope.part_id("call_"), "status": status}
        return [{"type": "function_call", **call, "name": draft.call.name, "arguments": draft.call.arguments}]
    content: list[dict[str, Any]] = []
    if draft.text or draft.refusal is None:
        content.append({"type": "output_text", "text": draft.text, "annotations": [], "logprobs": []})
    if draft.refusal is not None:
        content.append({"type": "refusal", "refusal": draft.refusal})
    head = {"type": "message", "id": envelope.part_id("msg_"), "role": "assistant", "status": status}
    return [{**head, "content": content}]


def respond(
    draft: Draft, envelope: Envelope, body: Mapping[str, Any], output: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The finished response object. `output` are its items where a stream has named them before."""
    status, reason = final_status(draft)
    response = skeleton(envelope, body, status)
    response["output"] = items(draft, envelope) if output is None else output
    response["incomplete_details"] = {"reason": reason} if reason else None
    response["completed_at"] = envelope.created if status == "completed" else None
    response["usage"] = usage(envelope) if draft.tells_usage else None
    return response
