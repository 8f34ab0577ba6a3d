"""The rules a schema must keep to be enforced (OpenAI Structured Outputs, strict mode).

A schema that leaves a field optional or lets extra ones in is refused by the provider with a 400,
which is better met here than on release day.

    refuse_loose_schema(schema, "response_format", "rotation_decision")   # Problem or nothing
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.lab.provider.problems import Problem


def refuse_loose_schema(schema: Mapping[str, Any], param: str, name: str) -> None:
    """Raise a 400 for the first object in `schema` that is open or has optional fields."""
    if schema.get("type") != "object":
        raise _problem(param, name, "(root)", 'wanted "type": "object" at the top')
    _walk(schema, param, name, "(root)")


def _walk(schema: object, param: str, name: str, where: str) -> None:
    if isinstance(schema, list):
        for index, part in enumerate(schema):
            _walk(part, param, name, f"{where}.{index}")
    if not isinstance(schema, Mapping):
        return
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False:
            raise _problem(param, name, where, "'additionalProperties' is required to be false")
        if sorted(schema.get("required", [])) != sorted(properties):
            raise _problem(param, name, where, "'required' must list every property")
        for field, part in properties.items():
            _walk(part, param, name, f"{where}.{field}")
    for key in ("items", "anyOf", "$defs", "prefixItems"):
        part = schema.get(key)
        if key == "$defs" and isinstance(part, Mapping):
            part = list(part.values())
        _walk(part, param, name, f"{where}.{key}")


def _problem(param: str, name: str, where: str, what: str) -> Problem:
    text = f"Invalid schema for '{name[:64]}': at {where[:80]}, {what}."
    return Problem(400, "invalid_json_schema", text, param=param)
