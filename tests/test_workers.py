"""Lesson 08: real workers really race and really die, and the virtual ones follow the library's own flow."""

from collections.abc import Iterator

import pytest

from labkit.failures import LabkitError
from labkit.idempotency import Once, Promise, reconcile
from labkit.lab.race import DESIGNS, Stage
from labkit.lab.widgets.workers import every_story, workers_panel
from labkit.lab.workers import KEY, two_workers

PLAIN, HONOURS = Promise.PLAIN_DOWNSTREAM, Promise.DOWNSTREAM_HONOURS_KEY


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


@pytest.mark.parametrize("design", DESIGNS)
def test_two_workers_at_once(stage: Stage, design: str) -> None:
    """Only the claim under a business key keeps two workers to one job."""
    seen = stage.both(design)
    assert (1 if design == "claim first" else 2) == seen["jobs"] == len(stage.jobs)


def test_a_worker_killed_in_between_leaves_doubt_and_a_look_settles_it(stage: Stage) -> None:
    """The second worker may not act; after the look it gets the job that was really created."""
    second = stage.killed("claim first", PLAIN)
    ledger = stage.ledger()
    ledger.clock = lambda clock=ledger.clock: clock() + 1  # past the lease, with no wait
    assert [(KEY, "done")] == reconcile(Once(ledger, PLAIN), stage.service.lookup)
    second.next()
    assert "job_acct_10234_001 (stored answer)" == second.finish()
    assert ["job_acct_10234_001"] == stage.jobs


def test_a_worker_that_breaks_is_not_waited_for(stage: Stage) -> None:
    """A process that ends by itself is an error with its last words, not a hang."""
    stage.set(honours_keys=False)
    worker = stage.worker("no such design")
    with pytest.raises(LabkitError, match="KeyError"):
        worker.next()


@pytest.mark.parametrize(
    ("promise", "dies", "comes", "jobs", "told"),
    [
        (PLAIN, "effect", "after the lease", 1, "is refused: NeedsReconcile"),
        (PLAIN, "claim", "after the lease", 0, "is refused: NeedsReconcile"),
        (HONOURS, "effect", "after the lease", 1, "gets job_acct_10234_001"),
        (HONOURS, "claim", "after the lease", 1, "gets job_acct_10234_001"),
        (HONOURS, "effect", "during the lease", 1, "is refused: ActionInProgress"),
        (PLAIN, "never", "during the lease", 1, "gets job_acct_10234_001"),
    ],
)
def test_the_virtual_workers_follow_the_real_flow(
    promise: Promise, dies: str, comes: str, jobs: int, told: str
) -> None:
    """Each promise ends as the lesson says, and never in two jobs."""
    story = two_workers(promise, dies_after=dies, second_comes=comes)
    assert (jobs, told) == (len(story.jobs), story.told)


def test_no_setting_of_the_panel_makes_two_jobs() -> None:
    """Twelve combinations, none of them with a second job."""
    assert 12 == len(every_story().rows)
    assert {0, 1} == {row["jobs"] for row in every_story().rows}


def test_the_panel_answers_its_controls() -> None:
    """Another promise, and the end of the story is another one."""
    panel = workers_panel()
    assert "NeedsReconcile" in panel.shown.to_text()
    assert "NeedsReconcile" not in panel.set(promise=HONOURS.value).shown.to_text()
