"""Strict JSON: what is read, what is refused, and that a refusal never repeats the text."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.strictjson import MAX_CHARACTERS, MAX_DEPTH, Reason, json_type, parse_json

REFUSED = {
    "empty": ["", "  \n", "\u00a0"],
    "too_long": ["x" * (MAX_CHARACTERS + 1)],
    "byte_order_mark": ['\ufeff{"a": 1}', ' \ufeff{"a": 1}'],
    "code_fence": ['```json\n{"a": 1}\n```', '\n```\n{"a": 1}```'],
    "too_deep": ["[" * 100_000, '{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1)],
    "duplicate_key": ['{"a": 1, "a": 1}', '{"o": {"a": 1, "b": 2, "a": 3}}', '{"a": 1, "\\u0061": 2}'],
    "not_a_number": ['{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}'],
    "huge_integer": ['{"a": 9007199254740992}', '{"a": -9007199254740992}', '{"a": ' + "9" * 5000 + "}"],
    "huge_number": ['{"a": 1e999}', '{"a": -1e400}'],
    "unfinished": ['{"a": "b', '{"a": 1', '{"a"', "{", '{"a": 1   '],
    "not_json": ["{'a': 1}", '{"a": 1,}', '{"a": 01}', "Sure: {}", '{"a": "\t"}', "\x0b{}"],
    "trailing_text": ['{"a": 1} {"a": 2}', '{"a": 1}.', '{"a": 1}\n\nAnything else?', '{"a": 1}\x00'],
    "lone_surrogate": ['{"a": "\\ud800"}', '{"a": "\ud800"}', '{"\\udfff": 1}'],
    "not_an_object": ["[1]", '"text"', "null", "30", "true", "1.5"],
}


@pytest.mark.parametrize(
    ("code", "text"), [(code, text) for code, texts in REFUSED.items() for text in texts]
)
def test_a_refusal_has_its_name(code: str, text: str) -> None:
    """Each way of not being one strict JSON object has its own reason code."""
    refused = parse_json(text)
    assert isinstance(refused, Reason)
    assert refused.code == code


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        ' \t\r\n{"a": 1}\n',
        '{"a": 9007199254740991, "b": -9007199254740991}',
        '{"a": "\\ud83d\\ude00", "b": "é"}',
        '{"a": "' + "[" * 200 + '"}',
        '{"a": "\\"[[{{", "b": ' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}",
        '{"a": "NaN", "b": "```"}',
    ],
)
def test_strict_is_not_narrow(text: str) -> None:
    """What RFC 8259 and I-JSON allow is read as the standard library reads it."""
    assert parse_json(text) == json.loads(text)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=6))
def test_every_object_that_json_writes_is_read_back(value: dict[str, object]) -> None:
    """An object made of plain JSON values survives the round trip."""
    written = json.dumps(value)
    read = parse_json(written)
    assert read == value if not isinstance(read, Reason) else read.code in {"lone_surrogate", "too_deep"}


@given(st.text() | st.text('{}[]":,0123456789eE.-+truefalsn \\u"NaInity'))
def test_any_text_is_an_object_or_a_reason(text: str) -> None:
    """Whatever a model writes ends as an object or as a named reason, and agrees with the lenient reader."""
    read = parse_json(text)
    if isinstance(read, Reason):
        assert read.code in REFUSED
    else:
        assert read == json.loads(text)
        assert all(not isinstance(item, float) or math.isfinite(item) for item in read.values())


@given(
    st.text("xyzwq", min_size=5, max_size=20),
    st.sampled_from(['{{"{0}": 1, "{0}": 2}}', '{{"a": "{0}', "{0}", "{{}} {0}"]),
)
def test_a_reason_never_repeats_the_text(words: str, shape: str) -> None:
    """A reason is safe to log: it is made of our words alone."""
    refused = parse_json(shape.format(words))
    assert isinstance(refused, Reason)
    assert words not in refused.message


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("x", "a string"),
        (1, "an integer"),
        (1.5, "a number"),
        (True, "a boolean"),
        (None, "null"),
        ([], "an array"),
        ({}, "an object"),
        (object(), "a value"),
    ],
)
def test_a_type_has_a_name(value: object, name: str) -> None:
    """Messages name the JSON type of a value in place of the value."""
    assert json_type(value) == name
