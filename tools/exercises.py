"""Make exercises/ from solutions/, and keep nbgrader's labels in both.

python tools/exercises.py        # writes every exercise anew
"""

from __future__ import annotations

import json
from pathlib import Path

from labkit.lab.grading import bank
from labkit.lab.grading.strip import exercise_from, label

ROOT = Path(__file__).resolve().parent.parent


def as_json(notebook: dict[str, object]) -> str:
    """The form in which Jupyter saves a notebook."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write labels into each solution, and its exercise beside it."""
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        solution = json.loads(path.read_text("utf-8"))
        number = path.name[:2]
        label(solution, number, bank.load(number).worth)
        path.write_text(as_json(solution), "utf-8")
        (ROOT / "exercises" / path.name).write_text(as_json(exercise_from(solution)), "utf-8")


if __name__ == "__main__":
    main()
