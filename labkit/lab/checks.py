"""``labkit test``: the checks in stages, each with what it did and how long it took.

One long run says little until it fails. In stages, style fails within seconds, tests that measure time have
the machine to themselves, and the last line still counts everything, in pytest's own form.

    run_checks(quick=False, arguments=[])            # everything
    run_checks(quick=True, arguments=[])             # at most a minute
    run_checks(quick=False, arguments=["-k", "jitter"])    # one plain pytest run, with these arguments
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import typer

from labkit.bootstrap.environment import checkout
from labkit.bootstrap.words import Stop

NOTHING_COLLECTED = 5  # pytest's exit code for a selection without tests
TWO_AT_ONCE = ("-n", "2", "--dist", "loadscope")
STRICT_NOTEBOOKS = (
    "--nbval",
    "--nbval-current-env",
    "--nbval-cell-timeout=60",
    "--nbval-sanitize-with=tests/nbval.cfg",
)
ORDER = ("failed", "passed", "skipped", "xfailed", "xpassed", "warnings", "errors")


@dataclass(frozen=True)
class Stage:
    """One pytest run: what it is for, and its arguments."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What a stage ended with: its exit code, its counts and its seconds."""

    code: int
    counts: Counter[str]
    seconds: float


def run_checks(*, quick: bool, arguments: list[str], home: Path | None = None) -> int:
    """Run the stages; print the sum of their counts last; return the first exit code that is not 0."""
    home = home or checkout()
    if home is None or not (home / "tests").is_dir():
        raise Stop("there are no tests here.", "They come with the checkout, not with the package: clone it.")
    chosen = [Stage("pytest", tuple(arguments))] if arguments else stages(home, quick=quick)
    outcomes = []
    for number, stage in enumerate(chosen, 1):
        typer.secho(f"\nstage {number} of {len(chosen)}: {stage.name}", bold=True)
        outcomes.append(run(stage, home, quick=quick))
    typer.echo()
    for stage, outcome in zip(chosen, outcomes, strict=True):
        typer.echo(f"{stage.name:<44} {outcome.seconds:7.1f} s  {phrase(outcome.counts)}")
    typer.echo(closing_line(outcomes))
    return verdict(outcomes)


def stages(home: Path, *, quick: bool) -> list[Stage]:
    """Return the stages in their order: quick to fail first, the longest last."""
    apart = "--ignore=tests/test_style.py"
    light = ("-p", "no:nbval")  # loading it takes two seconds, in every worker
    lessons = sorted(
        path for folder in ("notebooks", "solutions") for path in (home / folder).glob("*.ipynb")
    )
    if quick:
        lessons = [path for path in lessons if path.name.startswith("00_")]
    names = tuple(path.relative_to(home).as_posix() for path in lessons)
    unslow = " and not slow" if quick else ""
    chosen = [
        Stage("style and types: ruff, mypy", ("tests/test_style.py", *light)),
        Stage("tests", ("tests", apart, "-m", f"not alone{unslow}", *light, *TWO_AT_ONCE)),
    ]
    if not quick:
        chosen.insert(
            1, Stage("tests that measure time, one by one", ("tests", apart, "-m", "alone", *light))
        )
    if names:
        workers = TWO_AT_ONCE if len(names) > 1 else ()
        chosen.append(Stage("notebooks, against their kept outputs", (*names, *STRICT_NOTEBOOKS, *workers)))
    return chosen


def run(stage: Stage, home: Path, *, quick: bool = False) -> Outcome:
    """Run one stage, passing on what it prints as it prints it."""
    began = time.monotonic()
    colour = ("--color=yes",) if sys.stdout.isatty() else ()
    child = subprocess.Popen(  # noqa: S603 - our own command line
        [sys.executable, "-m", "pytest", *colour, *stage.arguments],
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "JUPYTER_PREFER_ENV_PATH": "1", **({"LABKIT_QUICK": "1"} if quick else {})},
    )
    said = b""
    while child.stdout and (piece := os.read(child.stdout.fileno(), 65536)):
        sys.stdout.buffer.write(piece)
        sys.stdout.flush()
        said += piece
    code = child.wait()
    return Outcome(code, counts(said.decode(errors="replace"), code), time.monotonic() - began)


def counts(said: str, code: int) -> Counter[str]:
    """Read pytest's closing line: ``== 2 failed, 9 passed in 1.2s ==`` -> failed 2, passed 9.

    A run that ended badly without a line to read counts as one error.
    """
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said)
    closing = [line for line in plain.splitlines() if re.search(r"\bin \d+\.\d+s\b", line)]
    found: Counter[str] = Counter()
    for number, word in re.findall(
        r"(\d+) (failed|passed|skipped|xfailed|xpassed|warning|error)", "".join(closing[-1:])
    ):
        found[f"{word}s" if word in {"warning", "error"} else word] += int(number)
    if code not in {0, NOTHING_COLLECTED} and not found["failed"] + found["errors"]:
        found["errors"] += 1
    return found


def phrase(found: Counter[str]) -> str:
    """Say counts in pytest's words and order."""
    return ", ".join(f"{found[word]} {word}" for word in ORDER if found[word]) or "no tests ran"


def closing_line(outcomes: list[Outcome]) -> str:
    """Return one line in pytest's form that sums all stages."""
    total = sum((outcome.counts for outcome in outcomes), Counter())
    seconds = sum(outcome.seconds for outcome in outcomes)
    return f" {phrase(total)} in {seconds:.2f}s ".center(80, "=")


def verdict(outcomes: list[Outcome]) -> int:
    """Return 0 when every stage passed and one ran something, else the first bad exit code."""
    bad = [outcome.code for outcome in outcomes if outcome.code not in {0, NOTHING_COLLECTED}]
    ran = any(outcome.code == 0 for outcome in outcomes)
    return bad[0] if bad else 0 if ran else NOTHING_COLLECTED
