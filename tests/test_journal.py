"""The journal: nothing is lost, nothing is sent, and what was missed comes back."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.lab.journal import DAY_S, Bin, Entry, Journal, JournalError, calibration, due

MONDAY = 1_795_000_000.0


def test_what_is_noted_is_read(tmp_path: Path) -> None:
    """An entry comes back as it was."""
    journal = Journal(tmp_path / "work" / "journal.jsonl", wall=lambda: MONDAY)
    entry = journal.note("predicted", "07-how-many", lesson="07", chosen=["60"], confidence=80, right=False)
    assert (entry,) == journal.read().entries


def append(path: Path, who: int) -> None:
    journal = Journal(path)
    for number in range(300):
        journal.note("checked", f"{who}-{number}", points=number)


def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    """Appending at once, line by line."""
    path = tmp_path / "journal.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=append, args=(path, who)) for who in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    read = Journal(path).read()
    assert {f"{who}-{number}" for who in range(2) for number in range(300)} == {e.name for e in read.entries}
    assert not read.skipped


@pytest.mark.parametrize(
    "torn", [b'{"at": 1, "kind": "che', b"\xff\xfe", b'{"at": "x"}\n', b"[]\n", b"null\n"]
)
def test_a_torn_row_is_skipped_and_said(torn: bytes, tmp_path: Path) -> None:
    """What was whole stays readable, and the next entry starts on a line of its own."""
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.note("hinted", "06")
    path.write_bytes(path.read_bytes() + torn)
    journal.note("hinted", "07")
    read = journal.read()
    assert ["06", "07"] == [entry.name for entry in read.entries]
    assert 1 == len(read.skipped)


def test_export_and_merge(tmp_path: Path) -> None:
    """One file out, one file in, nothing twice, nothing overwritten."""
    here, there = Journal(tmp_path / "a.jsonl"), Journal(tmp_path / "b.jsonl")
    here.note("hinted", "06")
    there.note("hinted", "07")
    assert 1 == here.export(tmp_path / "out.jsonl")
    assert (1, 0) == (there.merge(tmp_path / "out.jsonl"), there.merge(tmp_path / "out.jsonl"))
    assert {"06", "07"} == {entry.name for entry in there.read().entries}
    with pytest.raises(JournalError, match=r"out\.jsonl"):
        here.export(tmp_path / "out.jsonl")
    with pytest.raises(JournalError, match="not there"):
        here.merge(tmp_path / "nowhere.jsonl")


def test_a_journal_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """The message names the file; a full disk or a folder in its place is no traceback."""
    (tmp_path / "journal.jsonl").mkdir()
    with pytest.raises(JournalError, match=r"journal\.jsonl"):
        Journal(tmp_path / "journal.jsonl").note("hinted", "06")
    with pytest.raises(JournalError, match="kind"):
        Journal(tmp_path / "j.jsonl").note("spied", "06")


def recalled(day: float, right: bool, name: str = "q") -> Entry:
    return Entry(MONDAY + day * DAY_S, "recalled", name, "05", {"right": right})


@pytest.mark.parametrize(
    ("history", "day", "is_due"),
    [
        ([recalled(0, False)], 0.9, False),
        ([recalled(0, False)], 1.0, True),
        ([recalled(0, True)], 2.9, False),
        ([recalled(0, True)], 3.0, True),
        ([recalled(0, True), recalled(3, True)], 9.9, False),
        ([recalled(0, True), recalled(3, True)], 10.0, True),
        ([recalled(0, True), recalled(3, True), recalled(10, True)], 999, False),
        ([recalled(0, True), recalled(3, False)], 4.0, True),
        ([Entry(MONDAY, "predicted", "q", "05", {"right": False})], 1.0, True),
        ([Entry(MONDAY, "predicted", "q", "05", {"right": True})], 99, False),
        ([Entry(MONDAY, "hinted", "q", "05")], 99, False),
    ],
)
def test_what_was_missed_comes_back(history: list[Entry], day: float, is_due: bool) -> None:
    """After 1, 3 and 7 days, as long as it is not known."""
    assert is_due == bool(due(history, MONDAY + day * DAY_S))


def test_the_longest_overdue_comes_first() -> None:
    """An order that does not depend on the file's."""
    history = [recalled(2, False, "b"), recalled(0, False, "a"), recalled(2, False, "c")]
    assert ["a", "b", "c"] == [item.name for item in due(history, MONDAY + 9 * DAY_S)]


def test_calibration() -> None:
    """Of three predictions at about 90%, one was right; a second try does not count."""
    made = [
        Entry(float(at), "predicted", name, "", {"confidence": 90, "right": right})
        for at, (name, right) in enumerate([("a", True), ("b", False), ("c", False), ("b", True)])
    ]
    assert [Bin(90, 3, 1)] == calibration(made)


@given(
    entries=st.lists(
        st.builds(
            Entry,
            st.floats(0, 2e9),
            st.sampled_from(["predicted", "recalled", "answered", "checked"]),
            st.sampled_from("abc"),
            st.just("05"),
            st.dictionaries(
                st.sampled_from(["right", "confidence"]), st.booleans() | st.integers() | st.text()
            ),
        ),
        max_size=12,
    )
)
def test_any_history_can_be_read(entries: list[Entry]) -> None:
    """A journal may come from another version: nothing in it breaks the review."""
    assert len(due(entries, 3e9)) <= 3
    assert sum(item.count for item in calibration(entries)) <= 3
