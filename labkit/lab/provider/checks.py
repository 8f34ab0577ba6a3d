"""Strict reading of request bodies.

A practice server that accepts anything hides the learner's mistake until the real provider refuses
it. Here a missing, misspelt or mistyped field is a 400 that names the field, in the words of the
API that was called.

    fields = Fields(body, OPENAI)
    model = fields.text("model", required=True)
    fields.no_others("temperature", "seed")
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from labkit.lab.provider.problems import Problem

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def kind_of(value: object) -> str:
    """The JSON name of a value's type: True -> "boolean"."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return next((name for name, types in _KINDS.items() if isinstance(value, types)), "unknown")


@dataclass(frozen=True, slots=True)
class Words:
    """How one API words its refusals."""

    missing: str
    wrong: str
    unknown: str
    out_of_range: str


OPENAI = Words(
    "Missing required parameter: '{name}'.",
    "Invalid type for '{name}': expected {wanted}, but got {seen} instead.",
    "Unknown parameter: '{name}'.",
    "Invalid value for '{name}': wanted {wanted}.",
)
ANTHROPIC = Words(
    "{name}: Field required",
    "{name}: Input should be a valid {wanted}, not {seen}",
    "{name}: Extra inputs are not permitted",
    "{name}: Input should be {wanted}",
)


def read_json(raw: bytes) -> dict[str, Any]:
    """The body as an object, or a 400."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise Problem(400, None, "The request body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise Problem(400, None, f"The request body is a JSON {kind_of(body)}; wanted an object.")
    return body


class Fields:
    """One JSON object of a request, read field by field. `path` is where it stands, for messages."""

    def __init__(self, body: Mapping[str, Any], words: Words, path: str = "") -> None:
        self.body = body
        self.words = words
        self.path = path

    def name(self, field: str) -> str:
        """The field as messages write it: "messages.0.role"."""
        return f"{self.path}.{field}" if self.path else field

    def get(self, field: str, *kinds: str, required: bool = False) -> Any:
        """The field's value if its JSON type is one of `kinds`; None where absent or null."""
        value = self.body.get(field)
        if value is None:
            if required:
                raise self._problem("missing_required_parameter", self.words.missing, field)
            return None
        seen = kind_of(value)
        fits = seen in kinds or (seen == "integer" and "number" in kinds)
        if not fits:
            raise self._problem("invalid_type", self.words.wrong, field, wanted=" or ".join(kinds), seen=seen)
        return value

    def text(self, field: str, *, required: bool = False) -> str | None:
        """A string field; a required one must not be empty."""
        value: str | None = self.get(field, "string", required=required)
        if required and not value:
            raise self.refuse(field, "a string that is not empty")
        return value

    def number(self, field: str, least: float, most: float, *, whole: bool = False) -> Any:
        """A number field between `least` and `most`."""
        value = self.get(field, "integer" if whole else "number")
        if value is not None and not least <= value <= most:
            raise self.refuse(field, f"a number from {least:g} to {most:g}")
        return value

    def choice(self, field: str, options: Iterable[str], *, required: bool = False) -> str | None:
        """A string field with a closed set of values."""
        value = self.text(field, required=required)
        if value is not None and value not in options:
            raise self.refuse(field, "one of " + ", ".join(options))
        return value

    def inner(self, field: str) -> Fields | None:
        """An optional object field, to be read in turn."""
        return None if self.body.get(field) is None else self.object(field)

    def object(self, field: str) -> Fields:
        """A required object field, to be read in turn."""
        return Fields(self.get(field, "object", required=True), self.words, self.name(field))

    def items(self, field: str, *, required: bool = False) -> list[Fields]:
        """An array of objects."""
        value = self.get(field, "array", required=required)
        if value is None:
            return []
        if required and not value:
            raise self.refuse(field, "at least one item")
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                raise self._problem(
                    "invalid_type", self.words.wrong, f"{field}.{index}", wanted="object", seen=kind_of(item)
                )
        return [Fields(item, self.words, f"{self.name(field)}.{index}") for index, item in enumerate(value)]

    def no_others(self, *known: str) -> None:
        """Refuse a field that the API does not have. Its name is shown cut short, its value never."""
        for field in self.body:
            if field not in known:
                raise self._problem("unknown_parameter", self.words.unknown, field[:60])

    def refuse(self, field: str, wanted: str) -> Problem:
        """The 400 for a value of the right type that is not allowed."""
        return self._problem("invalid_value", self.words.out_of_range, field, wanted=wanted)

    def _problem(self, code: str, words: str, field: str, **parts: str) -> Problem:
        name = self.name(field)
        return Problem(400, code, words.format(name=name, **parts), param=name)
