"""The course as data: order, titles, minutes, points, hints and the questions asked later.

Without one manifest, the notebook, the grader, the progress table and the review each keep a list of
lessons, and they disagree from the first renaming on.

    for lesson in lessons():
        print(lesson.number, lesson.title, lesson.minutes)
    recall_question("00-after-429").answer
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

NAME = re.compile(r"(\d\d)_[a-z0-9_]+")
BROUGHT = "what you bring"


class ManifestError(ValueError):
    """lessons.toml says something that cannot be; the message names the lesson and the field."""


@dataclass(frozen=True, slots=True)
class Question:
    """A recall question about one lesson, with its answer. `cell` is the id of the cell that answers it."""

    name: str
    ask: str
    answer: str
    source: str
    cell: str = ""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson. `name` is the stem of its files, `points` are for its exercise, 0 where there is none."""

    name: str
    title: str
    one_thing: str
    minutes: int
    points: int
    hints: tuple[str, ...]
    recall: tuple[Question, ...]

    @property
    def number(self) -> str:
        """Two digits: "07"."""
        return self.name[:2]

    @property
    def notebook(self) -> str:
        """The file's name in notebooks/."""
        return f"{self.name}.ipynb"


@functools.cache
def lessons() -> tuple[Lesson, ...]:
    """All lessons in order, read once and checked. Raises `ManifestError`."""
    return parse(tomllib.loads(resources.files(__package__).joinpath("lessons.toml").read_text("utf-8")))[0]


@functools.cache
def questions() -> Mapping[str, Question]:
    """Every recall question by its name, those about what a learner brings included."""
    manifest = tomllib.loads(resources.files(__package__).joinpath("lessons.toml").read_text("utf-8"))
    return parse(manifest)[1]


def lesson(which: str) -> Lesson:
    """The lesson of this number ("07") or name ("07_full_jitter"). KeyError names those that exist."""
    for found in lessons():
        if which in {found.name, found.number}:
            return found
    raise KeyError(f"no lesson {which!r}; there are {', '.join(found.name for found in lessons())}")


def recall_question(name: str) -> Question:
    """The question of this name, such as "05-longest-wait"."""
    try:
        return questions()[name]
    except KeyError:
        raise KeyError(f"no recall question {name!r}; lessons.toml has {', '.join(questions())}") from None


def parse(manifest: Mapping[str, Any]) -> tuple[tuple[Lesson, ...], Mapping[str, Question]]:
    """Turn the manifest into lessons and questions, or say what is wrong with it."""
    found = tuple(_lesson(entry, place) for place, entry in enumerate(manifest.get("lesson", [])))
    asked = [_question(entry, BROUGHT) for entry in manifest.get("brought", [])]
    asked += [question for item in found for question in item.recall]
    by_name = {question.name: question for question in asked}
    if len(by_name) != len(asked):
        names = [question.name for question in asked]
        raise ManifestError(
            f"recall names are used twice: {sorted({n for n in names if names.count(n) > 1})}"
        )
    return found, by_name


def _lesson(entry: Mapping[str, Any], place: int) -> Lesson:
    name = str(entry.get("name", ""))
    match = NAME.fullmatch(name)
    if match is None or int(match[1]) != place:
        raise ManifestError(f"lesson {place}: its name is {name!r}; wanted '{place:02}_…', in order")
    for key in ("title", "one_thing"):
        if not isinstance(entry.get(key), str) or not entry[key]:
            raise ManifestError(f"lesson {name}: {key} is missing or empty")
    for key, least in (("minutes", 1), ("points", 0)):
        if type(entry.get(key)) is not int or entry[key] < least:
            raise ManifestError(
                f"lesson {name}: {key} is {entry.get(key)!r}; wanted a whole number from {least}"
            )
    if not entry.get("hints"):
        raise ManifestError(f"lesson {name}: no hints; a learner who is stuck needs at least one")
    source = f"lesson {match[1]}, {entry['title']}"
    recall = tuple(_question(question, source, match[1]) for question in entry.get("recall", ()))
    return Lesson(
        name,
        entry["title"],
        entry["one_thing"],
        entry["minutes"],
        entry["points"],
        tuple(entry["hints"]),
        recall,
    )


def _question(entry: Mapping[str, Any], source: str, number: str = "brought") -> Question:
    name = str(entry.get("name", ""))
    if not name.startswith(f"{number}-"):
        raise ManifestError(f"a recall question is named {name!r}; wanted '{number}-…'")
    unknown = set(entry) - {"name", "ask", "answer", "cell"}
    if unknown or not entry.get("ask") or not entry.get("answer"):
        raise ManifestError(
            f"recall {name}: wanted ask and answer, and nothing but cell; unknown: {sorted(unknown)}"
        )
    return Question(name, entry["ask"], entry["answer"], source, entry.get("cell", ""))
