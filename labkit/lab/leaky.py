"""A notebook that looks clean and holds a key in most of its places, made when the lesson runs.

A real key in teaching material is a leak, and a fixed fake one trips every scanner that reads this
repository. So the key is drawn at run time, and nothing here shows it::

    key = practice_key()
    for place in PLACES:
        print(place.label, longest_piece(key, place.text(key)))
    notebook(key)                     # the same places as one notebook, for labkit.scan
"""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from labkit.lab.present import Table
from labkit.scan import Fingerprint, notebook_findings
from labkit.secrets import Credential

TELLING = 4  # this many characters of a key in a row are no coincidence


def practice_key(seed: int = 7) -> str:
    """A key of a real form that opens nothing: a known prefix and 52 drawn characters."""
    draw = random.Random(seed)
    return "gsk_" + "".join(draw.choice(string.ascii_letters + string.digits) for _ in range(52))


def longest_piece(key: str, text: str) -> int:
    """How many characters of the key stand in the text in one piece."""
    return SequenceMatcher(None, key, text, autojunk=False).find_longest_match().size


@dataclass(frozen=True)
class Place:
    """One place of a notebook: where it is, and what stands there for a given key."""

    label: str
    part: str  # source, output or metadata
    write: Callable[[str], str]

    def text(self, key: str) -> str:
        """What stands in this place."""
        return self.write(key)


PLACES = (
    Place("a line of code that sets the key, commented out", "source", lambda key: f'# api_key = "{key}"'),
    Place("an output: the masked key, key[:8]…key[-4:]", "output", lambda key: f"{key[:8]}…{key[-4:]}"),
    Place(
        "an output: the settings, with the key as a Credential",
        "output",
        lambda key: repr({"model": "practice-model", "key": Credential("LLM_API_KEY", key)}),
    ),
    Place(
        "an output: the page of a failed request, with a link",
        "output",
        lambda key: f'<a href="https://api.example/v1?key={key}&amp;n=1">try again</a>',
    ),
    Place(
        "metadata, where an extension kept a copy of the environment",
        "metadata",
        lambda key: json.dumps({"env": {"LLM_API_KEY": key}}),
    ),
)


def notebook(key: str, *, outputs_cleared: bool = False, line_deleted: bool = False) -> dict[str, Any]:
    """The places as a notebook, one cell for each, after what was done to clean it."""
    cells = []
    for place in PLACES:
        text = place.text(key)
        deleted = line_deleted and place.part == "source"
        shown = {"output_type": "stream", "name": "stdout", "text": text}
        cells.append(
            {
                "cell_type": "code",
                "source": text if place.part == "source" and not deleted else "show()",
                "outputs": [shown] if place.part == "output" and not outputs_cleared else [],
                "metadata": json.loads(text) if place.part == "metadata" else {},
                "execution_count": 1,
            }
        )
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}


def survey(key: str, **cleaned: bool) -> Table:
    """For each place: the longest piece of the key in it, and what the scanner reports."""
    made = notebook(key, **cleaned)
    found = list(notebook_findings(made, "work.ipynb", Fingerprint.random()))
    return Table([_row(number, key, made, found) for number in range(len(PLACES))])


def _row(number: int, key: str, made: Mapping[str, Any], found: list[Any]) -> dict[str, Any]:
    kinds = [finding.kind for finding in found if finding.place.startswith(f"cell {number + 1},")]
    return {
        "place": PLACES[number].label,
        "longest piece of the key": longest_piece(key, json.dumps(made["cells"][number], ensure_ascii=False)),
        "the scanner reports": ", ".join(kinds) or "nothing",
    }


def leaking(table: Table) -> list[str]:
    """The places with a telling piece of the key."""
    return [row["place"] for row in table.rows if row["longest piece of the key"] >= TELLING]
