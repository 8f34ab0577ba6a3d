"""The question bank: for each exercise, probes and a judge.

probes/  run beside the learner's code, so they hold no expected value.
judges/  draw the inputs and know the answers, so they never go where a submission runs.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.failures import LabkitError

if TYPE_CHECKING:
    from labkit.lab.grading.judge import Exercise
    from labkit.lab.grading.observe import Probe

HERE = Path(__file__).parent


class UnknownExercise(LabkitError):
    """There is no exercise of this number."""


def numbers() -> list[str]:
    """The exercises that there are: `["01", "02", …]`."""
    return sorted(path.stem.removeprefix("e") for path in (HERE / "judges").glob("e[0-9][0-9].py"))


def load(number: str) -> Exercise:
    """The judge's side of an exercise. Raises `UnknownExercise`."""
    found: Exercise = importlib.import_module(f"{__name__}.judges.{_module(number)}").EXERCISE
    return found


def load_probes(number: str) -> dict[str, Probe]:
    """The learner's side of an exercise: one function a check. Raises `UnknownExercise`."""
    found: dict[str, Probe] = importlib.import_module(f"{__name__}.probes.{_module(number)}").PROBES
    return found


def _module(number: str) -> str:
    wanted = str(number).zfill(2)
    if wanted not in numbers():
        raise UnknownExercise(f"there is no exercise {number!r}; there are {', '.join(numbers())}")
    return f"e{wanted}"
