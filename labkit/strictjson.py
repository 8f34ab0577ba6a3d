"""Strict JSON: one text, one object, one meaning, or a reason with a name.

Without it, a lenient parser decides for you: of two `"rotation_window_days"` keys Python keeps the last,
`NaN` becomes a number that equals nothing, and a reply wrapped in prose is "repaired" into something that
the model never said.

    value = parse_json(text)
    if isinstance(value, Reason):
        ...  # value.code, such as "duplicate_key"
"""

import json
import math
import re
from typing import Any, Final, NamedTuple

# I-JSON (RFC 7493, section 2.2): beyond this, other readers of the same text see another number.
MAX_INTEGER: Final = 2**53 - 1
MAX_DEPTH: Final = 32
MAX_CHARACTERS: Final = 200_000


class Reason(NamedTuple):
    """Why a reply was refused: a code for logs and tests, a message for people.

    The message is made of our own words, field names and wanted types, never of the text that was read.
    """

    code: str
    message: str


class _Refused(Exception):  # raised by the hooks below, caught in parse_json, never seen outside
    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.reason = Reason(code, message)


def parse_json(text: str) -> dict[str, Any] | Reason:
    """Read a text that must be exactly one JSON object (RFC 8259), and nothing else.

    >>> parse_json('{"decision": "eligible"}')
    {'decision': 'eligible'}
    >>> parse_json('{"decision": "eligible", "decision": "not_eligible"}').code
    'duplicate_key'

    Codes: empty, too_long, byte_order_mark, code_fence, too_deep, duplicate_key, not_a_number, huge_integer,
    huge_number, unfinished, not_json, trailing_text, lone_surrogate, not_an_object.
    """
    try:
        _check_outside(text)
        value, end = _DECODER.raw_decode(text, _skip_space(text, 0))
        if _skip_space(text, end) != len(text):
            return Reason("trailing_text", "text follows the JSON value; wanted the JSON object alone")
        _check_unicode(text, value)
    except _Refused as refused:
        return refused.reason
    except json.JSONDecodeError as error:
        return _broken(text, error.pos, error.msg)
    except (
        RecursionError
    ):  # the depth check makes this unlikely; a caller deep in its own stack can still meet it
        return _TOO_DEEP
    if not isinstance(value, dict):
        return Reason("not_an_object", f"the JSON value is {json_type(value)}; wanted an object")
    return value


def json_type(value: object) -> str:
    """Name the JSON type of a value, with its article, for messages that must not show the value."""
    return _TYPE_NAMES.get(type(value), "a value")


def _check_outside(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise _Refused("too_long", f"{len(text)} characters; wanted at most {MAX_CHARACTERS}")
    start = text[:80].lstrip()
    if not start and not text.strip():
        raise _Refused("empty", "the reply is empty; wanted a JSON object")
    if start.startswith("\ufeff"):
        raise _Refused("byte_order_mark", "a byte order mark at the start; wanted the reply without it")
    if start.startswith("``"):
        raise _Refused("code_fence", "the reply is wrapped in a code fence; wanted the JSON object alone")
    # Counting brackets is a cheap upper bound; only a text that might be deep pays for the exact scan.
    if text.count("{") + text.count("[") > MAX_DEPTH and depth(text) > MAX_DEPTH:
        raise _Refused(*_TOO_DEEP)


def _check_unicode(text: str, value: object) -> None:
    """Refuse half a surrogate pair: it has no UTF-8 form, so it would break a log or a database later."""
    try:
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
        else:
            text.encode()
    except UnicodeEncodeError:
        raise _Refused(
            "lone_surrogate", "a string holds half a surrogate pair; wanted valid Unicode"
        ) from None


def depth(text: str) -> int:
    """How deep a text nests, without parsing it: a parser's own limit differs between Python versions."""
    level = deepest = 0
    for mark in _BRACKETS.findall(_STRINGS.sub("", text)):
        level += 1 if mark in "[{" else -1
        deepest = max(deepest, level)
    return deepest


def _broken(text: str, position: int, problem: str) -> Reason:
    if position >= len(text.rstrip()) or problem.startswith("Unterminated string"):
        return Reason("unfinished", f"the JSON stops before it is complete, at character {len(text)}")
    return Reason("not_json", f"not JSON at character {position}; wanted a JSON object alone")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise _Refused("duplicate_key", "an object holds the same key twice; wanted each key once")
    return built


def _integer(digits: str) -> int:
    if len(digits) > len(str(-MAX_INTEGER)) or abs(number := int(digits)) > MAX_INTEGER:
        raise _Refused(
            "huge_integer", f"an integer of {len(digits)} digits; wanted at most 2**53 - 1 in size"
        )
    return number


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _Refused("huge_number", "a number too large for a double; wanted a finite number")
    return number


def _constant(_name: str) -> float:
    raise _Refused("not_a_number", "NaN or Infinity, which JSON does not have; wanted a number")


def _skip_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


_TOO_DEEP: Final = Reason("too_deep", f"nested more than {MAX_DEPTH} levels; wanted a flat object")
_TYPE_NAMES: Final = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
    list: "an array",
    dict: "an object",
}
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_STRINGS: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKETS: Final = re.compile(r"[][{}]")
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
)
