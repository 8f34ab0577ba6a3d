"""The manifest of the course."""

from pathlib import Path

import nbformat
import pytest

from labkit.lab.lessons import ManifestError, lesson, lessons, parse, questions, recall_question

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def _entry(name="00_a", **fields):
    return {"name": name, "title": "A", "one_thing": "b", "minutes": 5, "points": 1, "hints": ["h"], **fields}


def test_the_course_has_seventeen_lessons_in_order():
    """00 to 16, each numbered by its place."""
    assert [found.number for found in lessons()] == [f"{n:02}" for n in range(17)]


def test_a_lesson_is_found_by_number_and_by_name():
    """Both ways lead to the same lesson."""
    assert lesson("07") is lesson("07_full_jitter")


def test_an_unknown_lesson_is_answered_with_those_that_exist():
    """The error lists the names."""
    with pytest.raises(KeyError, match="00_one_call"):
        lesson("99")


def test_an_unknown_question_is_answered_with_those_that_exist():
    """The error lists the names."""
    with pytest.raises(KeyError, match="07-herd"):
        recall_question("07-heard")


def test_every_lesson_up_to_13_leaves_two_questions_for_later():
    """Two recall questions each, so that later lessons have something to ask."""
    assert all(len(found.recall) >= 2 for found in lessons() if int(found.number) <= 13)


def test_questions_end_as_questions_and_do_not_shout():
    """House style holds in the manifest as well."""
    said = [text for q in questions().values() for text in (q.ask, q.answer)]
    assert all("!" not in text for text in said)
    assert all(q.ask.rstrip().endswith(("?", ".")) for q in questions().values())


def test_a_question_points_to_a_cell_that_exists():
    """Where the notebook is written, the cell named as the answer is in it."""
    for found in lessons():
        path = NOTEBOOKS / found.notebook
        if not path.exists():
            continue
        ids = {cell["id"] for cell in nbformat.read(path, as_version=4)["cells"]}
        missing = [q.name for q in found.recall if q.cell and q.cell not in ids]
        assert not missing, f"{found.notebook} has no such cell for {missing}; it has {sorted(ids)}"


@pytest.mark.parametrize(
    ("manifest", "named"),
    [
        ({"lesson": [_entry("01_a")]}, "wanted '00_"),
        ({"lesson": [_entry(title="")]}, "title"),
        ({"lesson": [_entry(minutes=0)]}, "minutes"),
        ({"lesson": [_entry(points=True)]}, "points"),
        ({"lesson": [_entry(hints=[])]}, "hints"),
        ({"lesson": [_entry(recall=[{"name": "01-x", "ask": "a?", "answer": "b"}])]}, "01-x"),
        ({"lesson": [_entry(recall=[{"name": "00-x", "ask": "a?"}])]}, "00-x"),
        ({"lesson": [_entry(recall=[{"name": "00-x", "ask": "a?", "answer": "b"}] * 2)]}, "twice"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused_by_name(manifest, named):
    """The error says which lesson and which field."""
    with pytest.raises(ManifestError, match=named):
        parse(manifest)
