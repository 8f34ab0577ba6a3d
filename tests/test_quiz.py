"""The mastery check: fair papers, true links, one rule for passing."""

from collections import Counter
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.lab.quiz import LETTERS, BankError, bank, by_length, draw, enough, mark, parse, question, topics

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
SEEDS = st.integers(0, 10**6)


def test_nine_topics_with_three_questions_each():
    """The bank is large enough for three papers."""
    assert Counter(found.topic for found in bank()) == dict.fromkeys(topics(), 3)
    assert len(topics()) == 9


def test_every_option_sends_the_learner_to_a_cell_that_exists():
    """The cell named in the feedback stands in that notebook."""
    ids = {
        path.stem: {cell["id"] for cell in nbformat.read(path, as_version=4)["cells"]}
        for path in NOTEBOOKS.glob("*.ipynb")
    }
    links = {option.cell for found in bank() for option in found.options}
    assert [link for link in links if link.split("#")[1] not in ids.get(link.split("#")[0], ())] == []


def test_every_option_says_why_and_nothing_shouts():
    """Feedback for each of the 108 options, all of it different."""
    said = [option.because for found in bank() for option in found.options]
    assert len(set(said)) == len(said) == 108
    assert all(text.endswith(".") and "!" not in text for text in said)


def test_length_does_not_tell_the_right_option():
    """The right one is the longest about once in four questions, and the shortest about as often."""
    longest = sum(is_the(max, found) for found in bank())
    shortest = sum(is_the(min, found) for found in bank())
    assert 4 <= longest <= 10
    assert 4 <= shortest <= 10
    assert 0.2 < sum(map(by_length, bank())) / 27 < 0.35


def is_the(extreme, found):
    """Whether the right option alone has the extreme length."""
    lengths = [len(option.text) for option in found.options]
    right = len(next(option.text for option in found.options if option.right))
    return right == extreme(lengths) and lengths.count(right) == 1


def test_guessing_by_length_is_counted_fairly():
    """Alone the longest: certain. One of four: a quarter. Shorter than another: never."""

    def asked(*texts):
        entry = {"name": "q", "topic": "t", "ask": "?", "options": [[text, "", ""] for text in texts]}
        return parse({"topics": {"t": "T"}, "question": [entry]})[0]

    found = [asked("aa", "b", "c", "d"), asked("a", "b", "c", "d"), asked("a", "bb", "c", "d")]
    assert [by_length(each) for each in found] == [1, 0.25, 0]


def test_no_option_stands_out_by_its_length():
    """Within a question the longest is at most 1.3 times as long as the shortest."""
    lengths = {found.name: [len(option.text) for option in found.options] for found in bank()}
    assert {name: all_ for name, all_ in lengths.items() if max(all_) > 1.3 * min(all_)} == {}


def test_position_does_not_tell_the_right_option():
    """Over many papers every letter is right about as often as the others."""
    count = Counter(found.right for seed in range(200) for found in draw(seed))
    assert all(0.2 < count[letter] / 1800 < 0.3 for letter in LETTERS)


@given(SEEDS, st.integers(1, 4))
def test_a_paper_has_one_question_of_each_topic_and_comes_again(seed, attempt):
    """The same seed and attempt give the same paper, to the letter."""
    paper = draw(seed, attempt)
    assert sorted(found.topic for found in paper) == sorted(topics())
    assert paper == draw(seed, attempt)


@given(SEEDS)
def test_a_second_try_has_other_questions(seed):
    """Three attempts use the bank up; not one question comes twice."""
    names = [found.name for attempt in (1, 2, 3) for found in draw(seed, attempt)]
    assert len(set(names)) == 27


@pytest.mark.parametrize("what", ["name", "topic"])
def test_seeds_differ(what):
    """Two learners with two seeds have other questions, and the topics in another order."""
    papers = [[getattr(found, what) for found in draw(seed)] for seed in range(20)]
    seen = {frozenset(paper) if what == "name" else tuple(paper) for paper in papers}
    assert len(seen) > 15


def test_seven_of_nine_pass_and_75_percent_do_not():
    """Above three quarters, not at."""
    assert [enough(points, 9) for points in (6, 7)] == [False, True]
    assert not enough(6, 8)


@given(SEEDS, st.integers(0, 9))
def test_points_are_the_right_answers_of_the_whole_paper(seed, right):
    """What is not answered is not right."""
    paper = draw(seed)
    result = mark(paper, {number: paper[number - 1].right for number in range(1, right + 1)})
    assert (result.points, result.passed) == (right, right >= 7)


def test_confidence_adds_up_to_what_was_expected():
    """Sure of one and undecided on another: one and a half."""
    assert mark(draw(1), {1: ("A", 100), 2: ("b", 50)}).expected == 1.5


@pytest.mark.parametrize(("answers", "named"), [({10: "A"}, "1 to 9"), ({1: "E"}, "A, B, C, D")])
def test_an_answer_that_cannot_be_is_refused(answers, named):
    """The message says what there is."""
    with pytest.raises(ValueError, match=named):
        mark(draw(1), answers)


def test_an_attempt_counts_from_one():
    """There is no attempt 0."""
    with pytest.raises(ValueError, match="first is 1"):
        draw(1, 0)


def test_a_question_is_found_by_its_name():
    """The review asks one by name, and a name that is gone is None."""
    assert question(bank()[0].name) is bank()[0]
    assert question("16-gone") is None


ENTRY = {"name": "q", "topic": "t", "ask": "?", "options": [[letter, "", ""] for letter in LETTERS]}


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        ([{**ENTRY, "topic": "u"}], "'u'"),
        ([{**ENTRY, "options": ENTRY["options"][:3]}], "found 3"),
        ([{**ENTRY, "options": [["A", "", ""]] * 4}], "different"),
        ([ENTRY, ENTRY], "twice"),
    ],
)
def test_a_bank_that_cannot_be_is_refused(entries, named):
    """The error names the question or what is wrong with it."""
    with pytest.raises(BankError, match=named):
        parse({"topics": {"t": "T"}, "question": entries})
