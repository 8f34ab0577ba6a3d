"""Tables, pictures and code as a notebook shows them."""

import pandas as pd
import pytest

from labkit import backoff
from labkit.lab.figures.style import canvas, closed
from labkit.lab.present import Picture, SideBySide, Source, Table, Words, cell_text, facts, joined


def _figure():
    fig, (axes,) = canvas(4, 2)
    axes.plot([0, 1], [0, 1])
    return closed(fig)


def test_a_table_has_headers_that_a_screen_reader_can_announce():
    """Columns and rows carry their scope."""
    html = Table([{"attempt": 1, "status": "429"}]).to_html()
    assert '<th scope="col"' in html
    assert '<th scope="row"' in html


def test_text_from_outside_cannot_become_markup():
    """Values, headers and captions are escaped."""
    html = Table([{"<b>": "<script>"}], caption="<i>").to_html()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "<i>" not in html


def test_a_short_word_is_never_broken_and_a_long_one_may_be():
    """A narrow column keeps "differs" whole; a digest breaks before a table scrolls sideways."""
    html = Table([{"what": "differs", "digest": "a" * 64}]).to_html()
    whole, broken = html.split("<tbody>")[1].split("</th>")
    assert "overflow-wrap" not in whole
    assert "overflow-wrap:anywhere" in broken


def test_rows_may_have_different_keys():
    """A missing value is an en dash, in both forms."""
    table = Table([{"a": 1}, {"b": 2}])
    assert table.columns == ["a", "b"]
    assert table.to_text().split("\n")[1:] == ["1  –", "–  2"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (True, "yes"), (False, "no"), (0.05, "0.05"), (580.0, "580"), (("P-7",), "P-7"), ((), "–")],
)
def test_a_value_reads_as_words(value, text):
    """None, booleans, numbers and tuples have one form each."""
    assert cell_text(value) == text


def test_facts_have_one_row_for_each_field():
    """A mapping becomes field and value."""
    assert facts({"loaded": True}).to_text() == "field   value\nloaded  yes"


def test_a_picture_carries_its_words():
    """Alternative text in the tag, the sentence under it, both in the plain form."""
    picture = Picture(_figure(), see="a line rises.", alt='a "line"')
    assert 'alt="a &quot;line&quot;"' in picture.to_html()
    assert "<b>What to see:</b> a line rises." in picture.to_html()
    assert picture.to_text() == '[a "line"]\nWhat to see: a line rises.'


def test_a_picture_never_scrolls_sideways():
    """It is as wide as its figure, and never wider than its place."""
    assert "width:400px;max-width:100%" in Picture(_figure(), see="x", alt="y").to_html()


def test_source_shows_the_library_as_it_is():
    """The lines come from the module itself."""
    assert "return random() * top" in Source(backoff.full).code
    assert Source(backoff.full).place == "labkit/backoff.py"


def test_source_can_be_cut_by_its_own_words():
    """From the first line that holds the words to the last, without the indentation."""
    cut = Source(backoff.RetryBudget, first="def take", last="return True").code
    assert cut.startswith("def take")
    assert cut.endswith("return True")


def test_source_that_was_moved_says_what_it_looked_for():
    """A lesson that cites a line which is gone fails with the words and the file."""
    with pytest.raises(ValueError, match=r"'no such line'.*labkit/backoff\.py"):
        _ = Source(backoff.full, first="no such line").code


def test_things_of_several_kinds_stand_together():
    """Ours, pandas' and plain text."""
    html, text = joined([Words("one"), pd.DataFrame({"n": [2]}), "three"])
    assert "one" in html
    assert "<table" in html
    assert text.split("\n")[0] == "one"
    assert text.split("\n")[-1] == "three"


def test_side_by_side_wraps_where_it_is_narrow():
    """Columns are flexible, and each has its title."""
    html = SideBySide({"Product": Words("a"), "Operations": Words("b")}).to_html()
    assert "flex-wrap:wrap" in html
    assert html.index("Product") < html.index("Operations")
