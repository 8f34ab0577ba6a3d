"""`labkit grade`: a class in, marks and feedback out, with an exit code that tells the truth.

    grade_class([Path("canvas_export.zip")], Path("graded"), workers=2)     # 0: all graded

0: every submission has a result. 1: it could not run. 3: it ran, and some submissions have no mark: see
`problems` in gradebook.csv. A submission that fails, or attacks, has a result.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
from rich.text import Text

from labkit.lab.grading import gradebook
from labkit.lab.grading import run as running
from labkit.lab.grading.cluster import cluster as on_cluster
from labkit.lab.grading.pages import write_feedback
from labkit.lab.grading.results import Results
from labkit.lab.grading.sandbox import NoSandbox, sandbox_available
from labkit.lab.grading.submissions import find

SOME_LEFT = 3
MOST_SHOWN = 20  # changed marks in the terminal; changes.csv has all


class Rate(ProgressColumn):
    """`23.4/s`"""

    def render(self, task: Task) -> Text:
        """Submissions a second, over the last ones."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "…/s")


def grade_class(
    places: Iterable[Path],
    out: Path,
    *,
    workers: int = 0,
    sandboxed: bool = True,
    cluster: str = "",
    console: Console | None = None,
) -> int:
    """Grade, write everything, and give the exit code. Raises `NoSandbox` where it would be unsafe."""
    console = console or Console()
    if cluster:
        with on_cluster(cluster) as (pool, threads):
            return _grade(places, out, console, pool, threads, sandboxed=True)
    workers = workers or os.cpu_count() or 1
    refuse_without_sandbox(console, sandboxed=sandboxed)
    return _grade(places, out, console, lambda: running.local(workers), workers, sandboxed=sandboxed)


def _grade(
    places: Iterable[Path],
    out: Path,
    console: Console,
    pool: Callable[[], Executor],
    workers: int,
    *,
    sandboxed: bool,
) -> int:
    with Results(out / "results.sqlite", running.bank_digest) as results, _bar(console) as bar:
        task = bar.add_task("grading", total=None)
        fresh = running.grade(
            find(places),
            results,
            pool=pool,
            workers=workers,
            sandboxed=sandboxed,
            told=lambda progress: bar.update(task, completed=progress.done, total=progress.total),
        )
        rows = list(results.rows())
        bar.update(task, completed=fresh, total=fresh)
        told = gradebook.tellable(rows)
        changed = gradebook.changes(told, results.told())
        gradebook.write_gradebook(rows, out)
        gradebook.write_changes(changed, out)
        write_feedback(rows, out / "feedback")
        results.tell(told)  # last: a run that is killed before says its changes the next time
    outcomes = Counter(row.outcome for row in rows)
    counted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    console.print(f"{len(rows)} results, {fresh} graded now: {counted or 'nothing found'}", markup=False)
    for change in changed[:MOST_SHOWN]:
        line = f"changed: {change.student}, {change.exercise}: {change.before} → {change.after}, {change.why}"
        console.print(line, markup=False)
    console.print(f"in {out}: gradebook.csv, canvas.csv, moodle_NN.csv, feedback", markup=False)
    left = sum(outcomes[outcome] for outcome in gradebook.OURS)
    return SOME_LEFT if left or not rows else 0


def refuse_without_sandbox(console: Console, *, sandboxed: bool) -> None:
    """Strangers' code runs behind walls, or because somebody said in so many words that it need not."""
    if not sandboxed:
        console.print("without a sandbox: whatever these notebooks do, they do as you", style="bold")
        return
    reason = sandbox_available()
    if reason is not None:
        raise NoSandbox(f"{reason}. To grade code that you trust, without walls: --unsafe-no-sandbox")


def _bar(console: Console) -> Progress:
    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn(), Rate())
    return Progress(*columns, TimeRemainingColumn(), console=console)
