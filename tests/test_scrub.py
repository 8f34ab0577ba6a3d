"""A recorded stream, moment by moment, and the widgets of lesson 10."""

import asyncio

import pytest

from labkit.lab.connect import connect
from labkit.lab.scrub import ALLOWED, NOTHING, Recording, last_events, record, walk
from labkit.lab.widgets.stream import CUTS, PROVIDERS, RECORDINGS, LiveStream, Scrubber
from labkit.streaming import State

SAID = "Account acct_10234 is eligible under P-7."


@pytest.fixture(scope="module")
def good() -> Recording:
    """A good stream, one event a chunk."""
    return record()


def test_a_walk_ends_in_the_answer(good: Recording) -> None:
    """The draft grows to the sentence; the last moment is completed, and only then may anything be done."""
    steps = walk(good)
    assert (steps[0].state, steps[-1].state, steps[-1].text) == (State.STARTED, State.COMPLETED, SAID)
    assert [step.may_do for step in steps] == [NOTHING] * (len(steps) - 1) + [ALLOWED]
    assert "".join(step.delta for step in steps) == SAID
    assert [step.number for step in steps] == list(range(len(steps)))


@pytest.mark.parametrize("size", [1, 7, 90, 400])
def test_the_cuts_change_when_and_not_what(good: Recording, size: int) -> None:
    """Cut anywhere, the walk ends the same; between events, bytes wait."""
    whole = b"".join(good.chunks)
    cut = tuple(whole[start : start + size] for start in range(0, len(whole), size))
    steps = walk(Recording(good.provider, good.head, cut))
    assert (steps[-1].state, steps[-1].text) == (State.COMPLETED, SAID)
    assert any(step.waiting for step in steps)
    assert sum(len(step.events) for step in steps) == len(good.chunks)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("name", list(RECORDINGS))
def test_every_recording_can_be_walked(provider: str, name: str) -> None:
    """Each recording of the lesson ends in every API, and only the good one is an answer."""
    last = walk(record(RECORDINGS[name], provider=provider))[-1]
    assert (last.state is State.COMPLETED) is (name == "a good stream")
    assert bool(last.reason) is (last.state is State.FAILED)


def test_the_markers_of_three_apis() -> None:
    """What the last event of a whole stream is called."""
    assert [row["last"] for row in last_events().rows] == ["[DONE]", "response.completed", "message_stop"]


def test_the_scrubber_goes_forward_and_back() -> None:
    """Back shows what was shown before; positions outside are taken to the nearest end."""
    scrubber = Scrubber()
    scrubber.go(3)
    before = scrubber.shown.to_text()
    scrubber.go(7)
    assert scrubber.shown.to_text() != before
    assert scrubber.go(3).shown.to_text() == before
    assert scrubber.go(-5).position == 0
    assert scrubber.go(99).sentence == f"Step 12 of 12: completed. May be done: {ALLOWED}."


def test_another_choice_begins_at_the_start() -> None:
    """A new recording or cut is shown from its beginning."""
    scrubber = Scrubber().go(5).choose(recording="connection cut", cut=list(CUTS)[2])
    assert scrubber.position == 0
    assert scrubber.go(999).steps[-1].reason == "truncated_body"


def test_a_live_stream_that_is_stopped() -> None:
    """Stopped after three pieces: cancelled, no connection left, the bill unknown."""
    table = asyncio.run(LiveStream(connect(), pace_s=0.02).run(stop_after=3))
    found = {row["field"]: row["value"] for row in table.rows}
    assert found["status"] == "cancelled"
    assert found["pieces that were shown"] == 3
    assert found["connections still open at the provider"] == 0
    assert found["output_tokens"] is None


def test_a_live_stream_that_is_left_alone() -> None:
    """Nobody presses stop: it completes, and its usage is known."""
    live = LiveStream(connect(), pace_s=0.01)
    found = {row["field"]: row["value"] for row in asyncio.run(live.run()).rows}
    assert (found["status"], found["output_tokens"]) == ("ok", 11)
    live.stop()  # nothing to stop is no error
