"""Two workers and one claim: kill the first one where you like, and let the second one come.

Whether a retry is safe depends on three things at once, and nobody holds all combinations in the head::

    workers_panel()
"""

from __future__ import annotations

from labkit.idempotency import Promise
from labkit.lab.figures.lanes import lanes
from labkit.lab.present import Picture, Shown, Table, facts
from labkit.lab.widgets.base import Explore, dropdown
from labkit.lab.workers import ARRIVALS, DEATHS, Story, two_workers

PROMISES = (Promise.PLAIN_DOWNSTREAM.value, Promise.DOWNSTREAM_HONOURS_KEY.value)
SEE = "the number of marks in the service's lane is the number of requests that reached it."


def story_picture(story: Story, see: str = SEE) -> Picture:
    """The lanes of a story."""
    words = "; ".join(f"{at} {step.lane} {step.what}" for at, step in enumerate(story.steps, 1))
    return Picture(
        lanes([(step.lane, step.what) for step in story.steps]), see=see, alt=f"Four lanes: {words}"
    )


def _draw(promise: str, dies: str, comes: str) -> tuple[Shown, ...]:
    story = two_workers(Promise(promise), dies_after=dies, second_comes=comes)
    ends = facts({"jobs that exist": len(story.jobs), "the second worker": story.told}, "How it ends")
    return story_picture(story), story.table(), story.ledger, ends


def workers_panel() -> Explore:
    """Choose what the downstream promises, where the first worker dies and when the second one comes."""
    return Explore(
        _draw,
        question="How many jobs exist, and what may the second worker do?",
        promise=dropdown("The downstream", PROMISES, PROMISES[0]),
        dies=dropdown("The first worker dies after", DEATHS, "effect"),
        comes=dropdown("The second one comes", ARRIVALS, ARRIVALS[1]),
    )


def every_story() -> Table:
    """All combinations, in one table."""
    rows = []
    for promise in PROMISES:
        for dies in DEATHS:
            for comes in ARRIVALS:
                story = two_workers(Promise(promise), dies_after=dies, second_comes=comes)
                ends = {"jobs": len(story.jobs), "second worker": story.told}
                rows.append({"downstream": promise, "first dies after": dies, "second comes": comes, **ends})
    return Table(rows)
