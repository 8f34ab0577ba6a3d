"""Every way in which the practice model's answer can be wrong, by name.

Valid is not right: most of these parse, and only a business rule sees what is wrong with them. The rest
look like the answer to a person and not to a parser.

    spoil(Draft('{"decision":"eligible", …}'), "window_90")
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from labkit.lab.provider.draft import Draft, Finish, dumps

REFUSAL = "This request is outside what the practice model answers."


def spoil(draft: Draft, name: str) -> Draft:
    """The draft with the mistake `name` in it."""
    ends = {
        "refusal": Draft(finish=Finish.REFUSAL, refusal=REFUSAL),
        "content_filter": Draft(finish=Finish.FILTER),
        "empty_content": Draft(),
        "length": replace(draft, text=draft.text[: len(draft.text) // 2], finish=Finish.LENGTH),
        "no_usage": replace(draft, tells_usage=False),
        "unknown_finish": replace(draft, finish=Finish.UNKNOWN),
    }
    if name in ends:
        return ends[name]
    if name in _TEXTS:
        return replace(draft, text=_TEXTS[name](draft.text))
    if not draft.text.startswith("{"):
        return replace(draft, text=_wrong_sentence(draft.text, name))
    return replace(draft, text=dumps(_changed(json.loads(draft.text), name)))


def _window(value: str) -> Callable[[str], str]:
    """Puts other JSON in the window's place."""
    return lambda text: re.sub(r'("rotation_window_days":)\d+', lambda found: found[1] + value, text)


_TEXTS: dict[str, Callable[[str], str]] = {
    "prose": "Yes, that key looks eligible for rotation to me.{:.0}".format,
    "code_fence": "```json\n{}\n```".format,
    "trailing_text": "{}\nLet me know if you need anything else.".format,
    "bom": "\ufeff{}".format,
    "half_json": lambda text: text[: len(text) // 2],
    "nan": _window("NaN"),
    "huge_integer": _window("9" * 400),
    "deep_nesting": _window("[" * 900 + "]" * 900),
    "duplicate_keys": lambda text: text.replace("{", '{"rotation_window_days":90,', 1),
}


def _wrong_sentence(text: str, name: str) -> str:
    """The same mistakes where the answer is a sentence."""
    changes = {
        "window_90": f"{text} It is rotated within 90 days.",
        "wrong_citation": re.sub(r"P-\d+", "P-99", text),
        "no_citation": re.sub(r" under P-\d+", "", text),
        "not_eligible": text.replace("is eligible", "is not eligible"),
        "other_account": text.replace("acct_10234", "acct_99999"),
        "claims_action": f"{text} The rotation job has been created.",
    }
    return changes.get(name, text)


def _changed(value: dict[str, Any], name: str) -> dict[str, Any]:
    """The same JSON with one field wrong; unchanged where the fault names a field that it has not."""
    if name == "missing_field":
        return {key: part for key, part in value.items() if key != _MISSABLE.get("decision" in value)}
    if name == "extra_field":
        return {**value, "confidence": 0.97}
    changes: dict[str, dict[str, Any]] = {
        "window_90": {"rotation_window_days": 90},
        "wrong_citation": {"source_line_ids": ["P-99"], "finding_ids": ["finding_999"]},
        "no_citation": {"source_line_ids": [], "finding_ids": []},
        "not_eligible": {"decision": "not_eligible"},
        "not_specified": {"decision": "not_specified"},
        "unknown_decision": {"decision": "probably"},
        "string_window": {"rotation_window_days": "30"},
    }
    wrong = changes.get(name, {})
    return {key: wrong.get(key, part) for key, part in value.items()}


_MISSABLE = {True: "rotation_window_days", False: "finding_ids"}
