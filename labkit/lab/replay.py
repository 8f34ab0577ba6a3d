"""`labkit replay`: a recorded call in the terminal, event by event, forward and back.

Read once from top to bottom, a call looks inevitable. Asked "what next?" before each step, a reader finds out
what they would have done, and where two runs part.

    replay("recovered_429", step=True)
    replay("recovered_429", against="exhausted_quota")      # the first difference is marked
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from labkit.lab.case import TASK
from labkit.lab.cassette import Cassette
from labkit.lab.stories import DRAFT, STORIES, Story, UnknownStory, play
from labkit.lab.timeline import LANES, Event, events
from labkit.records import CallRecord

Ask = Callable[[str], str]


def replay(
    name: str,
    *,
    step: bool = False,
    real_time: bool = False,
    against: str | None = None,
    console: Console | None = None,
    ask: Ask = input,
) -> None:
    """Play a story of the course, or a cassette's file. Raises `UnknownStory`."""
    out = console or Console()
    story = story_of(name)
    record = play(story, time.sleep if real_time else None)
    out.print(f"[bold]{story.name}[/]: {story.says}")
    if against is not None:
        other = story_of(against)
        out.print(f"[bold]{other.name}[/]: {other.says}")
        out.print(beside(events(record), events(play(other)), story.name, other.name))
    elif step:
        walk(record, out, ask)
    else:
        out.print(lanes(events(record)))
        out.print(ending(record))


def listing() -> Table:
    """Every story, with its one line."""
    table = Table("story", "what happens", box=None, pad_edge=False)
    for story in STORIES.values():
        table.add_row(story.name, story.says)
    return table


def story_of(name: str) -> Story:
    """The story of this name, or the one in this file."""
    if name in STORIES:
        return STORIES[name]
    path = Path(name)
    if not path.is_file():
        raise UnknownStory(f"there is no story and no file {name!r}; there are: {', '.join(STORIES)}")
    cassette = Cassette.load(path)
    streamed = any(exchange.streamed for exchange in cassette.exchanges)
    provider = str(cassette.about.get("provider", "openai"))
    task = DRAFT if streamed else TASK
    return Story(path.stem, cassette.story, (), provider, task, streamed, path)


def lanes(shown: Sequence[Event]) -> Table:
    """Events as rows, a column for each lane."""
    table = Table("time", *LANES)
    for event in shown:
        table.add_row(
            f"{event.at_ms:,.0f} ms", *(_mark(event) if event.lane == lane else "" for lane in LANES)
        )
    return table


def _mark(event: Event) -> str:
    sign = {True: "✓ ", False: "✗ ", None: ""}[event.good]
    return f"{sign}{event.text}"


def ending(record: CallRecord) -> str:
    """How it ended, what it used, and what was left of the deadline's time."""
    used = (
        "unknown" if record.input_tokens is None else f"{record.input_tokens} in, {record.output_tokens} out"
    )
    return f"ended: {record.status} after {record.latency_ms:,.0f} ms; tokens: {used}"


def beside(left: Sequence[Event], right: Sequence[Event], *names: str) -> Table:
    """Two runs, row by row; the first row that differs is marked."""
    table = Table("", *names)
    parted = False
    for one, two in itertools.zip_longest(left, right):
        differs = (one and one.text) != (two and two.text)
        table.add_row("⇠ here" if differs and not parted else "", _row(one), _row(two))
        parted = parted or differs
    return table


def _row(event: Event | None) -> str:
    return "" if event is None else f"{event.at_ms:,.0f} ms  {_mark(event)}"


def walk(record: CallRecord, out: Console, ask: Ask) -> None:
    """Step through a call: Enter goes on, b goes back, q leaves. Asks what comes before it shows it."""
    all_events = events(record)
    deadline_ms = TASK.timeout_seconds * 1000
    at = 1
    while True:
        shown = all_events[:at]
        left = max(0.0, deadline_ms - shown[-1].at_ms) / 1000
        out.print(lanes(shown))
        out.print(f"step {at} of {len(all_events)}; {left:.1f} s of {deadline_ms / 1000:g} s left")
        last = at == len(all_events)
        if last:
            out.print(ending(record))
        typed = ask("b back, q leave > " if last else "What comes next? (Enter shows it, b back, q leave) > ")
        if typed.strip().lower() == "q" or (last and not typed.strip()):
            return
        back = typed.strip().lower() == "b"
        at = max(1, at - 1) if back else min(len(all_events), at + 1)
