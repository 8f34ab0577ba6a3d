"""The strict schema that a provider enforces, made from the result type."""

from enum import Enum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from labkit.contracts import RotationDecision
from labkit.failures import LabkitError
from labkit.schema import response_schema


class Colour(Enum):
    """One value."""

    RED = "red"


class Part(BaseModel):
    """A closed type within another."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(default="x", min_length=1, description="what it is called")


class Whole(BaseModel):
    """Documentation for developers."""

    model_config = ConfigDict(extra="forbid")
    parts: list[Part]
    first: Part | None
    colour: Colour
    exact: Literal["a"]
    ratio: float = Field(ge=0, le=1)


def test_the_response_schema_is_strict() -> None:
    """Closed objects, every field required, only keywords that strict mode takes."""
    assert response_schema(RotationDecision) == {
        "type": "object",
        "properties": {
            "decision": {"type": "string", "enum": ["eligible", "not_eligible", "not_specified"]},
            "rotation_window_days": {"type": "integer"},
            "source_line_ids": {
                "type": "array",
                "items": {"type": "string"},
                "description": "ids of the policy lines that decide",
            },
        },
        "required": ["decision", "rotation_window_days", "source_line_ids"],
        "additionalProperties": False,
    }


def keywords(schema: Any) -> set[str]:
    """Every keyword that a schema uses, at any depth."""
    if isinstance(schema, list):
        return set().union(*map(keywords, schema)) if schema else set()
    if not isinstance(schema, dict):
        return set()
    named = {"properties", "$defs"}
    found = set(schema)
    for key, part in schema.items():
        inner = list(part.values()) if key in named else part
        found |= keywords(inner)
    return found


def test_a_nested_type_is_strict_throughout() -> None:
    """Nested types are closed too, and a default, a minimum and a length are left to the schema gate."""
    schema = response_schema(Whole)
    assert keywords(schema) == {
        "type", "properties", "required", "additionalProperties", "items", "anyOf", "$ref", "$defs", "enum",
        "const", "description",
    }  # fmt: skip
    assert schema["$defs"]["Part"] == {
        "type": "object",
        "properties": {"name": {"type": "string", "description": "what it is called"}},
        "required": ["name"],
        "additionalProperties": False,
    }


def test_the_official_sdk_makes_the_same_promises() -> None:
    """Where the openai SDK closes an object, so do we, and the same fields are required."""
    to_strict = pytest.importorskip("openai.lib._pydantic").to_strict_json_schema
    for result_type in (RotationDecision, Whole):
        theirs, ours = to_strict(result_type), response_schema(result_type)
        assert ours["required"] == theirs["required"]
        assert ours["additionalProperties"] is theirs["additionalProperties"] is False
        assert ours.get("$defs", {}).keys() == theirs.get("$defs", {}).keys()


class Open(BaseModel):
    """Any key at all."""

    anything: dict[str, int]


class Untyped(BaseModel):
    """Anything at all."""

    anything: Any


class Pair(BaseModel):
    """Two places, two types."""

    pair: tuple[int, str]


@pytest.mark.parametrize("result_type", [Open, Untyped, Pair])
def test_a_type_that_strict_mode_cannot_hold_is_refused_early(result_type: type[BaseModel]) -> None:
    """An open mapping, an untyped field or a fixed tuple fails here, not at the provider."""
    with pytest.raises(LabkitError, match=result_type.__name__):
        response_schema(result_type)


def test_the_schema_is_made_once() -> None:
    """The schema is cached: making it costs more than checking a reply."""
    assert response_schema(RotationDecision) is response_schema(RotationDecision)
