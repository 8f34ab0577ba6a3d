"""Turn observations into findings: expected against got, points, and the misconception that fits.

"Wrong" teaches nothing. A finding says what was asked, what came, why that matters, which thought may be
behind it, and where to read again. It is made here, outside the learner's process, from values that process
never saw.

    exercise = load("06")
    cases = exercise.draw(Random(seed))
    report = exercise.judge(cases, observations)
    report.points, report.findings
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from labkit.lab.grading.observe import Observation, encode

Case = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """One question and what came of it."""

    case: Case
    expected: Any
    observation: Observation

    @property
    def value(self) -> Any:
        """The encoded value, or None when there was none."""
        return self.observation.get("value")

    @property
    def plain(self) -> Any:
        """The value as Python writes it, to look for a pattern in; None where it cannot be read."""
        try:
            return decode(self.value)
        except (TypeError, ValueError, AttributeError):
            return None

    @property
    def raised(self) -> str | None:
        """The name of the exception, if one was raised."""
        name = self.observation.get("raised")
        return name if isinstance(name, str) else None

    @property
    def text(self) -> str:
        """What the exception said."""
        text = self.observation.get("text")
        return text if isinstance(text, str) else ""


@dataclass(frozen=True, slots=True)
class Misconception:
    """A thought that leads to a wrong answer, and how to recognise it in what was seen.

    `fits` gets every case of the check, right and wrong ones: a thought shows in the pattern.
    """

    name: str
    says: str
    fits: Callable[[Sequence[Seen]], bool]


@dataclass(frozen=True, slots=True)
class Raises:
    """The right answer is an exception of this name, whose text holds these words and none of those."""

    name: str
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One graded question of an exercise.

    `draw` makes the cases, fresh for every submission; `expect` gives the right answer to a case, as a
    plain value or `Raises`. `agrees` replaces exact equality where a question has more than one right
    answer: it gets the seen case and says whether the answer is right.
    """

    name: str
    asks: str
    points: int
    draw: Callable[[Random], list[Case]]
    expect: Callable[[Case], Any]
    because: str
    next_step: str
    read: str
    misconceptions: tuple[Misconception, ...] = ()
    agrees: Callable[[Seen], bool] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. `points` is earned, `worth` what it could earn."""

    check: str
    asks: str
    passed: bool
    points: float
    worth: int
    expected: str = ""
    got: str = ""
    case: str = ""
    because: str = ""
    misconception: str = ""
    misconception_name: str = ""
    next_step: str = ""
    read: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of one attempt at one exercise."""

    exercise: str
    findings: tuple[Finding, ...]
    errors: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """Earned, over all checks."""
        return math.fsum(finding.points for finding in self.findings)

    @property
    def worth(self) -> int:
        """What could be earned."""
        return sum(finding.worth for finding in self.findings)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(finding.passed for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Exercise:
    """An exercise of the bank, as the judge sees it."""

    number: str
    title: str
    checks: tuple[Check, ...]
    asks_for: tuple[str, ...] = field(default=())  # the names that the learner defines

    @property
    def worth(self) -> int:
        """Points in all."""
        return sum(check.points for check in self.checks)

    def draw(self, random: Random) -> dict[str, list[Case]]:
        """The questions, with fresh inputs. They are what goes to the learner's code; nothing else does."""
        return {check.name: check.draw(random) for check in self.checks}

    def judge(
        self,
        cases: Mapping[str, Sequence[Case]],
        observations: Mapping[str, Sequence[Observation]],
        errors: Sequence[str] = (),
    ) -> Report:
        """Judge what was seen. Observations come from untrusted code: a wrong shape is a wrong answer."""
        findings = tuple(
            judge_check(check, cases[check.name], _listed(observations.get(check.name)))
            for check in self.checks
        )
        return Report(self.number, findings, tuple(errors))


def judge_check(check: Check, cases: Sequence[Case], observations: Sequence[Any]) -> Finding:
    """Hold a check's observations against what is right. Points are given for the share of right cases."""
    answered = list(observations)[: len(cases)]
    answered += [{"missing": "answer"}] * (len(cases) - len(answered))
    seen = [
        Seen(case, check.expect(case), got if is_observation(got) else {})
        for case, got in zip(cases, answered, strict=True)
    ]
    agrees = check.agrees or is_right
    wrong = [one for one in seen if not agrees(one)]
    if not wrong:
        return Finding(check.name, check.asks, True, check.points, check.points, read=check.read)
    share = (len(seen) - len(wrong)) / len(seen)
    # Half of the cases right can be luck (a constant answer); only what is above it earns points.
    points = round(check.points * max(0.0, 2 * share - 1), 2)
    # A pattern that cannot be read is no pattern: the judge goes on without a name for it.
    # A part that nobody has written yet has no thought behind it either.
    fitting = None if _is_unwritten(seen) else next((m for m in check.misconceptions if _fits(m, seen)), None)
    first = wrong[0]
    return Finding(
        check=check.name,
        asks=check.asks,
        passed=False,
        points=points,
        worth=check.points,
        expected=show_expected(first.expected),
        got=show_observation(first.observation),
        case=", ".join(f"{name} = {value!r}" for name, value in first.case.items())[:300],
        because=check.because,
        misconception=fitting.says if fitting else "",
        misconception_name=fitting.name if fitting else "",
        next_step=check.next_step,
        read=check.read,
    )


def _is_unwritten(seen: Sequence[Seen]) -> bool:
    """Whether no answer came at all: a stub gives None, or nothing is defined."""
    return all(one.observation == {"value": None} or "missing" in one.observation for one in seen)


def _fits(misconception: Misconception, seen: Sequence[Seen]) -> bool:
    try:
        return bool(misconception.fits(seen))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        return False


def is_observation(got: object) -> bool:
    """Whether untrusted JSON has the shape that `observe` writes: the judge reads nothing else."""
    if not isinstance(got, dict):
        return False
    if set(got) == {"value"}:
        return is_encoded(got["value"])
    return set(got) in ({"missing"}, {"timeout"}, {"raised", "text"}) and all(
        isinstance(item, str | int | float) for item in got.values()
    )


def is_encoded(value: object) -> bool:
    """Whether a value has the shape that `encode` writes."""
    if isinstance(value, list):
        return all(map(is_encoded, value))
    if not isinstance(value, dict):
        return value is None or isinstance(value, str | int | float)
    if set(value) == {"other", "text"}:
        return all(isinstance(item, str) for item in value.values())
    if len(value) != 1:
        return False
    kind, items = next(iter(value.items()))
    if kind not in {"tuple", "set", "frozenset", "dict"} or not isinstance(items, list):
        return False
    pairs = kind != "dict" or all(isinstance(item, list) and len(item) == 2 for item in items)
    return pairs and all(map(is_encoded, items))


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def is_right(seen: Seen) -> bool:
    """Exact equality of value and type, or the named exception with the right words."""
    expected = seen.expected
    if isinstance(expected, Raises):
        text = seen.text
        return (
            seen.raised == expected.name
            and all(word in text for word in expected.says)
            and not any(word in text for word in expected.never)
        )
    return set(seen.observation) == {"value"} and same(encode(expected), seen.value)


def decode(value: Any) -> Any:
    """What `encode` wrote, as Python has it. What has no form of its own stays as it was written."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict) or "other" in value:
        return value
    ((kind, items),) = value.items()
    if kind == "dict":
        return {decode(key): decode(inner) for key, inner in items}
    made = {"tuple": tuple, "set": set, "frozenset": frozenset}[kind]
    return made(decode(item) for item in items)


def same(wanted: Any, got: Any) -> bool:
    """Equality of strict JSON: the same type at every place; floats may differ by rounding only."""
    if type(wanted) is not type(got):
        return False
    if isinstance(wanted, float):
        return math.isclose(wanted, got, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(wanted, list):
        return len(wanted) == len(got) and all(same(a, b) for a, b in zip(wanted, got, strict=True))
    if isinstance(wanted, dict):
        if wanted.keys() == got.keys() == {"dict"}:  # Python's dicts are equal in any order, so these are too
            return same(sorted(wanted["dict"], key=repr), sorted(got["dict"], key=repr))
        return wanted.keys() == got.keys() and all(same(wanted[key], got[key]) for key in wanted)
    return bool(wanted == got)


def show_expected(expected: Any) -> str:
    """What was wanted, in one line."""
    if isinstance(expected, Raises):
        words = f" that says {', '.join(expected.says)}" if expected.says else ""
        return f"raises {expected.name}{words}"
    return show(encode(expected))


def show_observation(observation: Observation) -> str:
    """What came, in one line."""
    if "value" in observation:
        return show(observation["value"])
    if "missing" in observation:
        return f"`{observation['missing']}` is not there yet, or still empty"
    if "timeout" in observation:
        return f"no answer within {observation['timeout']} s"
    if "raised" in observation:
        return f"raised {observation.get('text') or observation['raised']}"
    return "nothing that could be read"


def show(value: Any) -> str:
    """An encoded value as Python would write it."""
    if isinstance(value, dict):
        if "dict" in value:
            return "{" + ", ".join(f"{show(key)}: {show(inner)}" for key, inner in value["dict"]) + "}"
        if "other" in value:
            return str(value.get("text") or value["other"])
        kind, items = next(iter(value.items()), ("tuple", []))
        inside = ", ".join(show(item) for item in items)
        return f"({inside}{',' if len(items) == 1 else ''})" if kind == "tuple" else f"{kind}({inside})"
    if isinstance(value, list):
        return "[" + ", ".join(show(item) for item in value) + "]"
    return repr(value)
