"""The stories of the course: they play the same everywhere, and can be walked forward and back."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from labkit.lab.replay import beside, lanes, listing, replay
from labkit.lab.stories import STORIES, UnknownStory, find, play, record
from labkit.lab.timeline import events

ENDS = {
    "recovered_429": ("ok", 2),
    "exhausted_quota": ("quota_exhausted", 1),
    "unknown_429": ("rate_limited", 2),
    "retry_after": ("ok", 2),
    "outage": ("provider_error", 3),
    "overloaded": ("ok", 2),
    "wrong_key": ("auth", 1),
    "drip": ("timeout", 1),
    "lost_connection": ("ok", 2),
    "page_with_200": ("ok", 2),
    "ninety_days": ("unsupported_decision", 1),
    "invented_source": ("unsupported_decision", 1),
    "refusal": ("refused", 1),
    "cut_answer": ("incomplete", 1),
    "draft": ("ok", 1),
    "truncated_stream": ("incomplete", 1),
    "error_midway": ("overloaded", 1),
}


def console() -> Console:
    return Console(record=True, width=140, force_terminal=False)


@pytest.mark.parametrize("name", STORIES)
def test_a_story_ends_as_it_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its cassette, without a socket."""

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", forbidden)
    ended = play(find(name))
    assert ENDS[name] == (ended.status, len(ended.attempts))


@pytest.mark.parametrize("name", ["recovered_429", "draft", "drip"])
def test_a_story_is_recorded_the_same_everywhere(name: str, tmp_path: Path) -> None:
    """A new recording is the file that is kept, byte for byte."""
    path = tmp_path / "new.jsonl"
    assert record(STORIES[name], path) == play(STORIES[name])
    assert STORIES[name].path.read_bytes() == path.read_bytes()


def test_the_lanes_in_a_terminal() -> None:
    """Every event in its lane, and the end in one line."""
    out = console()
    replay("recovered_429", console=out)
    text = out.export_text()
    assert "waits 0.5 s" in text
    assert "✓ attempt 2: 200, ok" in text
    assert "ended: ok after" in text


def test_walking_forward_and_back() -> None:
    """Enter shows one more event, b takes it away, q leaves; each step says what time is left."""
    out, typed = console(), iter(["", "", "b", "q"])
    replay("recovered_429", step=True, console=out, ask=lambda _: next(typed))
    steps = [line for line in out.export_text().splitlines() if line.startswith("step ")]
    assert ["step 1", "step 2", "step 3", "step 2"] == [step[:6] for step in steps]
    assert "20.0 s of 20 s left" in steps[0]


def test_two_runs_part_at_one_row() -> None:
    """The same status, another kind: the first difference is marked, once."""
    out = console()
    replay("recovered_429", against="exhausted_quota", console=out)
    text = out.export_text()
    assert 1 == text.count("⇠ here")
    row = next(line for line in text.splitlines() if "⇠ here" in line)
    assert "rate_limited" in row
    assert "quota_exhausted" in row


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """A cassette anywhere on the disk plays by its path."""
    path = tmp_path / "mine.jsonl"
    path.write_bytes(STORIES["ninety_days"].path.read_bytes())
    out = console()
    replay(str(path), console=out)
    assert "unsupported window" in out.export_text()


def test_an_unknown_story_lists_those_that_there_are() -> None:
    """The message says what to type."""
    with pytest.raises(UnknownStory, match="recovered_429"):
        replay("nowhere.jsonl")
    assert len(STORIES) == listing().row_count >= 12


def test_an_empty_side_is_no_error() -> None:
    """Runs of different lengths stand side by side."""
    shown = events(play(STORIES["outage"]))
    assert lanes(shown[:1]).row_count == 1
    assert beside(shown, shown[:2], "a", "b").row_count == len(shown)
