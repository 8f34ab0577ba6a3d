"""The mastery check: nine questions out of a bank of 27, one of each topic, with a reason for every option.

A test that is the same for everyone and every time measures who has seen it. And a mark without reasons
sends nobody back to the place where the mistake began. So a paper is drawn and shuffled by its seed, a
second try has other questions, and every option, right or wrong, names a cell of a lesson.

    paper = draw(seed=16, attempt=1)
    result = mark(paper, {1: "B", 2: "D"})
    result.points, result.passed        # passed above 75%, which is 7 of 9
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from random import Random
from typing import Any

LETTERS = "ABCD"
MORE_THAN = 0.75


class BankError(ValueError):
    """quiz.toml says something that cannot be; the message names the question."""


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to choose, what is said to those who chose it, and the cell that shows why."""

    text: str
    because: str
    cell: str
    right: bool = False

    @property
    def place(self) -> str:
        """The cell in words: `09_valid_is_not_right#why-truth` -> `lesson 09, cell why-truth`."""
        notebook, _, cell = self.cell.partition("#")
        return f"lesson {notebook[:2]}, cell {cell}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its four options, in the order in which they are shown."""

    name: str
    topic: str
    ask: str
    options: tuple[Option, ...]

    @property
    def right(self) -> str:
        """The letter of the right option."""
        return next(letter for letter, option in self.lettered() if option.right)

    def lettered(self) -> Iterable[tuple[str, Option]]:
        """The options with their letters."""
        return zip(LETTERS, self.options, strict=True)

    def option(self, letter: str) -> Option:
        """The option of this letter. Raises `ValueError` for any other."""
        for known, option in self.lettered():
            if known == letter.strip().upper():
                return option
        raise ValueError(f"{letter!r} is no option of {self.name}; there are {', '.join(LETTERS)}")


@dataclass(frozen=True, slots=True)
class Marked:
    """One answered question: what was chosen, and how sure the learner was, in percent, where it was said."""

    number: int
    question: Question
    chosen: Option
    confidence: int | None = None

    @property
    def right(self) -> bool:
        """Whether the right option was chosen."""
        return self.chosen.right


@dataclass(frozen=True, slots=True)
class Result:
    """All answered questions of a paper of `of` questions."""

    answers: tuple[Marked, ...]
    of: int

    @property
    def points(self) -> int:
        """One for each right answer."""
        return sum(answer.right for answer in self.answers)

    @property
    def passed(self) -> bool:
        """Whether more than three quarters of all questions, answered or not, are right."""
        return enough(self.points, self.of)

    @property
    def expected(self) -> float:
        """How many would be right if the learner's confidence were exact."""
        return sum(answer.confidence or 0 for answer in self.answers) / 100


def enough(points: int, of: int) -> bool:
    """Whether this passes: 7 of 9 does, and 6 of 8 does not, for that is 75% and not above."""
    return points > MORE_THAN * of


@functools.cache
def topics() -> Mapping[str, str]:
    """The nine topics, by their short names."""
    return dict(_manifest()["topics"])


@functools.cache
def bank() -> tuple[Question, ...]:
    """Every question, its right option first. Raises `BankError`."""
    return parse(_manifest())


def question(name: str) -> Question | None:
    """The question of this name, or None."""
    return next((found for found in bank() if found.name == name), None)


def draw(seed: int, attempt: int = 1, among: Iterable[Question] | None = None) -> tuple[Question, ...]:
    """One question of each topic, shuffled in itself and among the others.

    The same seed and attempt give the same paper. Attempts 1, 2 and 3 have no question in common; the fourth
    has the questions of the first again, in another order.
    """
    if attempt < 1:
        raise ValueError(f"attempt is {attempt!r}; the first is 1")
    order, shuffled = Random(seed), Random(f"{seed}/{attempt}")
    by_topic: dict[str, list[Question]] = {}
    for found in among or bank():
        by_topic.setdefault(found.topic, []).append(found)
    paper = []
    for found_of_topic in by_topic.values():
        order.shuffle(found_of_topic)
        paper.append(turned(found_of_topic[(attempt - 1) % len(found_of_topic)], shuffled))
    shuffled.shuffle(paper)
    return tuple(paper)


def turned(asked: Question, random: Random) -> Question:
    """The same question with its options in another order."""
    options = random.sample(asked.options, len(asked.options))
    return Question(asked.name, asked.topic, asked.ask, tuple(options))


def by_length(asked: Question) -> float:
    """The chance to be right by always choosing the longest option, or one of them where several are."""
    most = max(len(option.text) for option in asked.options)
    longest = [option.right for option in asked.options if len(option.text) == most]
    return sum(longest) / len(longest)


def mark(paper: tuple[Question, ...], answers: Mapping[int, str | tuple[str, int]]) -> Result:
    """Mark answers by the question's number, from 1: a letter, or a letter and a confidence in percent."""
    marked = []
    for number, said in sorted(answers.items()):
        if not 1 <= number <= len(paper):
            raise ValueError(f"there is no question {number!r}; they are 1 to {len(paper)}")
        letter, confidence = (said, None) if isinstance(said, str) else said
        marked.append(Marked(number, paper[number - 1], paper[number - 1].option(letter), confidence))
    return Result(tuple(marked), len(paper))


def parse(manifest: Mapping[str, Any]) -> tuple[Question, ...]:
    """Turn the manifest into questions, or say what is wrong with it."""
    found = tuple(_question(entry, manifest["topics"]) for entry in manifest["question"])
    names = [item.name for item in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BankError(f"names are used twice: {sorted(twice)}")
    return found


def _question(entry: Mapping[str, Any], known: Mapping[str, str]) -> Question:
    name, options = entry["name"], entry["options"]
    if entry["topic"] not in known:
        raise BankError(f"{name}: topic {entry['topic']!r} is not one of {', '.join(known)}")
    if len(options) != len(LETTERS) or len({text for text, _, _ in options}) != len(LETTERS):
        raise BankError(f"{name}: wanted {len(LETTERS)} different options, found {len(options)}")
    made = (Option(text, why, cell, right=place == 0) for place, (text, why, cell) in enumerate(options))
    return Question(name, entry["topic"], entry["ask"], tuple(made))


def _manifest() -> Mapping[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("quiz.toml").read_text("utf-8"))
