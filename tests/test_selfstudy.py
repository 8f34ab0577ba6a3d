"""Progress, review and the journal as one file."""

import re
from pathlib import Path

import pytest

from labkit.cli import run
from labkit.lab.journal import DAY_S, Due, Entry, Journal, Read
from labkit.lab.quiz import bank
from labkit.lab.selfstudy import Review, journal_here, plot, progress, question_for, review

MONDAY = 1_795_000_000.0
QUESTION = bank()[0]


def entry(kind: str, name: str, day: float = 0, **data: object) -> Entry:
    return Entry(MONDAY + day * DAY_S, kind, name, name[:2], data)


def kept(tmp_path: Path, *entries: Entry) -> Journal:
    """A journal that holds these."""
    for found in entries:
        Journal(tmp_path / "journal.jsonl", wall=lambda found=found: found.at).note(
            found.kind, found.name, lesson=found.lesson, **found.data
        )
    return Journal(tmp_path / "journal.jsonl", wall=lambda: MONDAY + 2 * DAY_S)


def reviewed(journal: Journal, *answers: str, most: int = 10) -> tuple[Review, str]:
    """Review two days later with these answers; what was said, too."""
    said: list[str] = []
    given = iter(answers)

    def ask(prompt: str) -> str:
        said.append(prompt)
        try:
            return next(given)
        except StopIteration:
            raise EOFError from None

    done = review(journal, ask=ask, say=said.append, wall=lambda: MONDAY + 2 * DAY_S, most=most)
    return done, "\n".join(said)


def line(text: str, begin: str) -> str:
    """The line that begins so, its columns parted by bars."""
    found = next(found for found in text.splitlines() if found.startswith(begin))
    return re.sub(r" {2,}", " | ", found)


def test_progress_has_a_line_for_each_lesson() -> None:
    """First predictions, last recalls, best checks, and what is due."""
    text = progress(
        Read(
            (
                entry("predicted", "06-a", right=False, confidence=90),
                entry("predicted", "06-a", right=True, confidence=90),
                entry("predicted", "06-b", right=True, confidence=90),
                entry("recalled", "06-two-429s", right=False),
                entry("recalled", "06-two-429s", right=True),
                entry("checked", "06", points=7.0, worth=10),
                entry("checked", "06", points=4.0, worth=10),
            )
        ),
        MONDAY + 9 * DAY_S,
    )
    assert line(text, "06 ") == "06 Retry, or not | 1 of 2 | 1 of 1 | 7 of 10 | 2"
    assert line(text, "07 ") == "07 Full jitter"


def test_the_plot_shows_confidence_against_outcome() -> None:
    """At about 90% sure, one of two: half a bar, short of the mark."""
    told = plot(
        [
            entry("answered", "16-a", right=True, confidence=90),
            entry("answered", "16-b", right=False, confidence=90),
        ]
    )
    assert "80-100%  ██████████········|··   50%  (1 of 2)" in told
    assert plot([]) == ""


def test_a_torn_journal_is_said(tmp_path: Path) -> None:
    """What could not be read is counted."""
    (tmp_path / "journal.jsonl").write_text('{"torn', encoding="utf-8")
    text = progress(Journal(tmp_path / "journal.jsonl").read(), MONDAY)
    assert "1 line of the journal could not be read" in text
    assert "The journal is empty" in text


def test_a_missed_recall_is_asked_and_noted(tmp_path: Path) -> None:
    """Enter, the answer with its source, an honest mark; an unknown mark is asked again."""
    journal = kept(tmp_path, entry("recalled", "06-two-429s", right=False))
    done, said = reviewed(journal, "", "what", "k")
    assert done == Review(1, 1, 0)
    assert "By the kind in the error's body." in said
    assert "From lesson 06, Retry, or not, cell why." in said
    assert "'what' is none of k, p, n." in said
    last = journal.read().entries[-1]
    assert (last.kind, last.name, last.right) == ("reviewed", "06-two-429s", True)


@pytest.mark.parametrize("mark", ["p", "n"])
def test_partly_is_not_yet(mark: str, tmp_path: Path) -> None:
    """It comes back tomorrow."""
    journal = kept(tmp_path, entry("recalled", "06-two-429s", right=False))
    assert reviewed(journal, "", mark)[0] == Review(1, 0, 0)


def test_a_missed_quiz_question_is_asked_with_its_options(tmp_path: Path) -> None:
    """Shuffled; the letter chosen is marked and its reason given."""
    journal = kept(tmp_path, entry("answered", QUESTION.name, right=False))
    done, said = reviewed(journal, "x", "b")
    assert all(option.text in said for option in QUESTION.options)
    assert "'X' is none of A, B, C, D." in said
    chosen = next(option for option in QUESTION.options if f"  B  {option.text}" in said)
    assert chosen.because in said
    assert done.right == chosen.right
    assert journal.read().entries[-1].right is chosen.right


def test_a_wrong_prediction_brings_a_question_of_its_lesson() -> None:
    """Its own words are gone; what it was about is asked."""
    asked = question_for(Due("05-longest", "05", 0, 0.0))
    assert asked is not None
    assert asked.name.startswith("05-")
    assert question_for(Due("gone", "", 0, 0.0)) is None


def test_a_review_that_is_stopped_keeps_what_was_answered(tmp_path: Path) -> None:
    """The end of input is a way to leave."""
    two = (entry("recalled", "06-two-429s", right=False), entry("recalled", "06-retry-401", right=False))
    journal = kept(tmp_path, *two)
    done, said = reviewed(journal, "", "k")
    assert done == Review(1, 1, 1)
    assert "Stopped; what you answered is kept." in said
    assert len(journal.read().entries) == 3


def test_no_more_than_wanted_are_asked(tmp_path: Path) -> None:
    """The rest waits."""
    two = (entry("recalled", "06-two-429s", right=False), entry("recalled", "06-retry-401", right=False))
    assert reviewed(kept(tmp_path, *two), "", "k", "", "k", most=1)[0] == Review(1, 1, 1)


def test_nothing_due_says_when_to_come_back(tmp_path: Path) -> None:
    """Recalled today: in three days."""
    journal = kept(tmp_path, entry("recalled", "06-two-429s", day=2, right=True))
    assert "Within 3 days: 1." in reviewed(journal)[1]
    assert "comes back here" in reviewed(Journal(tmp_path / "none.jsonl"))[1]


def test_the_commands_use_the_named_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Export, import, progress and review, as typed."""
    kept(tmp_path, entry("checked", "06", points=7.0, worth=10))
    monkeypatch.setenv("LABKIT_JOURNAL", str(tmp_path / "journal.jsonl"))
    assert run(["journal", "export", str(tmp_path / "out.jsonl")]) == 0
    monkeypatch.setenv("LABKIT_JOURNAL", str(tmp_path / "other.jsonl"))
    assert [run(["journal", "import", str(tmp_path / "out.jsonl")]) for _ in range(2)] == [0, 0]
    assert run(["progress"]) == run(["review"]) == 0
    said = capsys.readouterr().out
    assert "out.jsonl now holds 1 entry" in said
    assert "1 new entry from" in said
    assert "0 new entries from" in said
    assert "7 of 10" in said
    assert "Nothing is due." in said


def test_an_export_overwrites_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sentence and exit code 1, no traceback."""
    (tmp_path / "out.jsonl").touch()
    monkeypatch.setenv("LABKIT_JOURNAL", str(tmp_path / "journal.jsonl"))
    assert run(["journal", "export", str(tmp_path / "out.jsonl")]) == 1
    assert "choose another name" in capsys.readouterr().err


def test_without_a_name_the_journal_is_beside_the_copies() -> None:
    """`work/journal.jsonl`, where `labkit start` puts it."""
    assert journal_here({}).path.parts[-2:] == ("work", "journal.jsonl")
