"""The result type as the strict JSON schema that a provider can enforce.

Without it the wanted form lives twice, in the prompt and in the parser, and the two drift apart.
Providers also refuse schemas that pydantic is happy to write, with an HTTP 400 in production.
Here such a type fails when it is first used, with a message that names the field.

    response_schema(RotationDecision)["required"]
    # ['decision', 'rotation_window_days', 'source_line_ids']

Keywords: the subset in OpenAI's Structured Outputs guide, "Supported schemas".
"""

from functools import lru_cache
from typing import Any, Final

from pydantic import BaseModel

from labkit.failures import LabkitError


@lru_cache(maxsize=128)
def response_schema(result_type: type[BaseModel]) -> dict[str, Any]:
    """Make the strict schema of a type: closed objects, every field required, only known keywords.

    What is dropped (a default, a format, a minimum) still holds: the schema gate checks the type itself.
    Cached; do not change it. Raises `LabkitError` for a type that strict mode cannot hold.
    """
    schema: dict[str, Any] = _strict(result_type.model_json_schema(), result_type.__name__)
    if schema.get("type") != "object":
        raise LabkitError(
            f"{result_type.__name__}: no object at the root of its schema; wanted a plain model"
        )
    return schema


# In this order in the result, and nothing else. `title` and `default` are noise or refused.
_KEPT: Final = ("type", "description", "enum", "const", "items", "anyOf", "properties", "$defs")


def _strict(schema: dict[str, Any], name: str) -> dict[str, Any]:
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}  # strict mode allows no neighbours
    if isinstance(schema.get("additionalProperties"), dict) or "prefixItems" in schema:
        raise LabkitError(f"{name}: an open mapping or a fixed tuple; wanted named fields or a list")
    if not schema.keys() & {"type", "anyOf", "oneOf", "enum", "const"}:
        raise LabkitError(f"{name}: a field of any type; wanted a declared type, which can be enforced")
    kept: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    for key in kept.keys() & {"properties", "$defs"}:
        kept[key] = {inner: _strict(part, f"{name}.{inner}") for inner, part in kept[key].items()}
    if choices := schema.get("anyOf", schema.get("oneOf")):
        kept["anyOf"] = [_strict(part, name) for part in choices]
    if "items" in kept:
        kept["items"] = _strict(kept["items"], f"{name}[]")
    return _closed(kept) if kept.get("type") == "object" else kept


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    schema.pop("description", None)  # a class's docstring speaks to developers, not to the model
    fields = schema.setdefault("properties", {})
    return schema | {"required": list(fields), "additionalProperties": False}
