"""Valid is not right: two gates between a model's text and your product.

A schema proves that `rotation_window_days` is an integer.
It does not prove that the integer is the one in policy line P-7: 90 passes every schema, and promises a
customer three times the window.
So a reply passes a schema gate (is it the shape you asked for?) and then a business gate (does the supplied
evidence support it?).

    outcome = gate(text, RotationDecision, evidence, ROTATION_RULES)
    if isinstance(outcome, Rejected):
        print(outcome.kind, outcome.reason)  # unsupported_decision unsupported window
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from labkit.contracts import Evidence
from labkit.failures import Kind
from labkit.rules import ROTATION_RULES, Rule
from labkit.schema import response_schema
from labkit.strictjson import Reason, json_type, parse_json

__all__ = [
    "ROTATION_RULES",
    "Reason",
    "Rejected",
    "Rule",
    "business_gate",
    "gate",
    "response_schema",
    "schema_gate",
]

T = TypeVar("T", bound=BaseModel)

MOST_PROSE: Final = 8_000
_UNSEEN: Final = frozenset(
    {"Cc", "Cf", "Cs", "Co", "Cn"}
)  # Unicode's "other": never printed, so never approved
_WANTED_UNSEEN: Final = (
    "\n\r\t\u00ad\u200c\u200d\u200e\u200f"  # line ends, tabs; what scripts and emoji join with
)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A reply that did not pass: which gate stopped it, and every reason, in the order of the rules."""

    kind: Kind
    reasons: tuple[Reason, ...]

    @property
    def reason(self) -> str:
        """The codes in words, each once: `unsupported window; repeated source`. Safe in a record."""
        return "; ".join(dict.fromkeys(code.replace("_", " ") for code, _ in self.reasons))

    @property
    def detail(self) -> str:
        """The messages in one line: field names, wanted types and policy ids, never the reply's text."""
        return "; ".join(message for _, message in self.reasons)


def gate(text: str, result_type: type[T], evidence: Evidence, rules: Iterable[Rule[T]]) -> T | Rejected:
    """Turn a reply into a typed value that the evidence supports, or say why not."""
    value = schema_gate(text, result_type)
    if isinstance(value, Rejected):
        return value
    return business_gate(value, evidence, rules)


# ── the schema gate ─────────────────────────────────────────────────────────────────────────────────────────


def schema_gate(text: str, result_type: type[T]) -> T | Rejected:
    """Read a text as strict JSON and as the result type, with no conversion: `"30"` is not an integer.

    A type that is plain text (`plain_text = True`) takes the reply as it is, in its field `text`.
    """
    if getattr(result_type, "plain_text", False):
        return _plain(text, result_type)
    parsed = parse_json(text)
    if isinstance(parsed, Reason):
        return Rejected(Kind.INVALID_OUTPUT, (parsed,))
    try:
        # From the text, not from `parsed`: only then does pydantic's strict mode read an array as a tuple.
        return result_type.model_validate_json(text, strict=True)
    except ValidationError as error:
        reasons = tuple(
            _schema_reason(dict(one), _field_names(result_type)) for one in error.errors(include_url=False)
        )
        return Rejected(Kind.INVALID_OUTPUT, reasons)


def _plain(text: str, result_type: type[T]) -> T | Rejected:
    """Prose has no schema, but it has limits: there is some, a person can read it, UTF-8 can hold it."""
    if not text.strip():
        reason = Reason("empty", "the reply is empty; wanted some text")
    elif len(text) > MOST_PROSE:
        reason = Reason("too_long", f"{len(text)} characters; wanted at most {MOST_PROSE}")
    elif any(unicodedata.category(one) in _UNSEEN and one not in _WANTED_UNSEEN for one in text):
        reason = Reason(
            "unseen_characters", "control, format or private characters; wanted what a person can see"
        )
    else:
        return result_type.model_validate({"text": text}, strict=True)
    return Rejected(Kind.INVALID_OUTPUT, (reason,))


def _schema_reason(error: dict[str, Any], known: frozenset[str]) -> Reason:
    """Say what was wanted where, using only names that the type declares: others are the model's text."""
    place = (
        ".".join(str(part) if isinstance(part, int) or part in known else "…" for part in error["loc"])
        or "reply"
    )
    match error["type"]:
        case "missing":
            return Reason("missing_field", f"{place}: this field is missing")
        case "extra_forbidden":
            return Reason(
                "unknown_field",
                f"a field that the type does not have; wanted only {', '.join(sorted(known))}",
            )
        case "literal_error" | "enum":
            return Reason("not_in_enum", f"{place}: wanted {error['ctx']['expected']}")
        case kind:
            wanted = _WANTED.get(kind)
            if wanted is None:
                return Reason("invalid_value", f"{place}: refused by the check {kind}")
            return Reason("wrong_type", f"{place}: wanted {wanted}, saw {json_type(error.get('input'))}")


_WANTED: Final = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "bool_type": "a boolean",
    "tuple_type": "an array",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "none_required": "null",
}


@lru_cache(maxsize=128)
def _field_names(result_type: type[BaseModel]) -> frozenset[str]:
    """Every field name that the type or a type within it declares."""
    schema = result_type.model_json_schema()
    return frozenset(
        name for part in (schema, *schema.get("$defs", {}).values()) for name in part.get("properties", ())
    )


# ── the business gate ───────────────────────────────────────────────────────────────────────────────────────


def business_gate(value: T, evidence: Evidence, rules: Iterable[Rule[T]]) -> T | Rejected:
    """Hold a value against the evidence. All broken rules are reported: the first alone hides the rest."""
    broken = tuple(reason for rule in rules if (reason := rule(value, evidence)) is not None)
    return Rejected(Kind.UNSUPPORTED_DECISION, broken) if broken else value
