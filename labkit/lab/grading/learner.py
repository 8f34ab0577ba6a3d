"""One's own exercise from the terminal: checked fresh, three hints, and back to the start.

A notebook that passes in a kernel of two hours may fail from top to bottom, because a name that it needs is
in no cell any more. Here its file is run fresh, as the grader does, and never changed.

    check_file("06", home, journal)     # 0 where every check passed, else 1
    hint("06", journal)                 # the next of three hints, noted and not punished
    reset("06", home)                   # the exercise as it was handed out; the old file is kept
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table
from rich.text import Text

from labkit.failures import LabkitError
from labkit.lab.grading import bank
from labkit.lab.grading.feedback import FAILED, PASSED, advice_lines, headline
from labkit.lab.grading.judge import Report
from labkit.lab.grading.notebook import digest, read_notebook
from labkit.lab.grading.sandbox import Limits, NoSandbox, Plain, Runner, Sandbox
from labkit.lab.house import copy_all
from labkit.lab.journal import Journal
from labkit.lab.lessons import lesson

SAYS = {
    "timeout": "it did not come to an end within {seconds:g} s; look for a loop that never stops",
    "killed": "it ended its own process, or started too many",
    "out_of_memory": "it asked for more memory than the grader gives",
    "grader_error": "the grader failed, and not your work: run it again, and tell us if it stays so",
}


class NotThere(LabkitError):
    """There is no such exercise, or no file of it."""


def check_file(
    number: str, home: Path, journal: Journal, *, file: Path | None = None, console: Console | None = None
) -> int:
    """Run a notebook's file fresh and show what was found. Gives 0 where every check passed."""
    console = console or Console()
    exercise = bank.load(number)
    file = file or home / "work" / original(exercise.number, home).name
    try:
        cells = read_notebook(file.read_bytes())
    except OSError as error:
        raise NotThere(f"{file} cannot be read ({error.strerror}); labkit reset {number} makes it") from None
    cases, limits = exercise.draw(Random()), Limits()
    with own_runner() as runner:
        ran = runner.run({"cells": cells, "exercise": exercise.number, "cases": cases}, limits)
    if ran.ended != "done" or ran.result is None:
        console.print(f"{file.name}: {SAYS[ran.ended].format(seconds=limits.seconds)}", markup=False)
        return 1
    errors = [error for error in ran.result.get("errors", ()) if isinstance(error, str)]
    report = exercise.judge(cases, ran.result.get("observations", {}), errors)
    show(report, console)
    found = {"points": report.points, "worth": report.worth, "right": report.passed}
    told = [finding.misconception_name for finding in report.findings if finding.misconception_name]
    journal.note(
        "checked", exercise.number, lesson=exercise.number, **found, code=digest(cells), misconceptions=told
    )
    return 0 if report.passed else 1


def watch(
    number: str,
    home: Path,
    journal: Journal,
    *,
    file: Path | None = None,
    console: Console | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Check a notebook, and again whenever it is saved, until Ctrl-C.

    Half a save is no notebook: what cannot be read is said, and looked at again when the file changes.
    """
    console = console or Console()
    file = file or home / "work" / original(bank.load(number).number, home).name
    seen: tuple[int, int] | None = None
    with suppress(KeyboardInterrupt):
        while True:
            now = _stamp(file)
            if now != seen:
                seen = now
                try:
                    check_file(number, home, journal, file=file, console=console)
                except LabkitError as error:
                    console.print(str(error), markup=False)
                console.print(f"watching {file.name}; save it to check it again, Ctrl-C ends", markup=False)
            sleep(0.3)


def _stamp(file: Path) -> tuple[int, int] | None:
    """What changes with every save; None where there is no file."""
    with suppress(OSError):
        found = file.stat()
        return found.st_mtime_ns, found.st_size
    return None


@contextmanager
def own_runner() -> Iterator[Runner]:
    """The sandbox where there is one; for one's own code a plain process will do."""
    try:
        sandbox = Sandbox()
        sandbox.start()
    except NoSandbox:
        yield Plain()
        return
    with closing(sandbox):
        yield sandbox


def show(report: Report, console: Console) -> None:
    """A table; passed and failed are words and signs before they are colours."""
    table = Table(title=headline(report), title_justify="left", show_lines=True)
    table.add_column("Result", no_wrap=True)
    table.add_column("What was checked")
    table.add_column("Points", justify="right", no_wrap=True)
    for finding in report.findings:
        sign = Text(PASSED, "green") if finding.passed else Text(FAILED, "red")
        told = "".join(f"\n{label}: {text}" for label, text in advice_lines(finding))
        table.add_row(sign, Text(f"{finding.asks}{told}"), f"{finding.points:g}/{finding.worth}")
    console.print(table)
    for error in report.errors:
        console.print(f"while running: {error}", markup=False)
    console.print("A graded run draws other inputs.")


def original(number: str, home: Path) -> Path:
    """The exercise as it is handed out."""
    found = sorted((home / "exercises").glob(f"{str(number).zfill(2)}_*.ipynb"))
    if not found:
        there = ", ".join(path.name[:2] for path in sorted((home / "exercises").glob("[0-9][0-9]_*.ipynb")))
        raise NotThere(
            f"there is no exercise {number!r} in {home / 'exercises'}; there are {there or 'none'}"
        )
    return found[0]


def hint(number: str, journal: Journal) -> str:
    """The next hint, or the last again. Each is noted in the journal, and costs nothing."""
    try:
        found = lesson(str(number).zfill(2))
    except KeyError as error:
        raise NotThere(str(error.args[0])) from None
    entries = journal.read().entries
    had = sum(entry.kind == "hinted" and entry.name == found.number for entry in entries)
    level = min(had + 1, len(found.hints))
    journal.note("hinted", found.number, lesson=found.number, level=level)
    more = (
        f"labkit hint {found.number} again says more." if level < len(found.hints) else "That was the last."
    )
    return f"Hint {level} of {len(found.hints)}: {found.hints[level - 1]}\n{more}"


def reset(number: str, home: Path) -> str:
    """Put the exercise back as it was handed out; what was there is kept beside it."""
    name = original(number, home).name
    copy = home / "work" / name
    kept = ""
    if copy.exists():
        old = free_name(home / "work" / "kept" / name)
        old.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(copy, old)
        kept = f"; what you had is {old.relative_to(home)}"
    copy_all(home)
    return f"{copy.relative_to(home)} is as it was handed out{kept}"


def free_name(path: Path) -> Path:
    """The path, or the first of `x-2`, `x-3`, … that is free: nothing kept is ever written over."""
    tried, count = path, 1
    while tried.exists():
        count += 1
        tried = path.with_stem(f"{path.stem}-{count}")
    return tried
