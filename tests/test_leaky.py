"""The notebook of lesson 01 that looks clean."""

import json

from labkit.keykinds import kind_of
from labkit.lab.leaky import PLACES, leaking, longest_piece, notebook, practice_key, survey

KEY = practice_key()


def test_the_practice_key_has_a_real_form_and_is_the_same_everywhere():
    """A scanner knows its kind; a second draw gives the same key."""
    assert kind_of(KEY).name == "groq"
    assert practice_key() == KEY


def test_the_longest_piece_is_counted():
    """From nothing to the whole."""
    assert longest_piece(KEY, "") == 0
    assert longest_piece(KEY, f"…{KEY[10:17]}…") == 7
    assert longest_piece(KEY, f"<{KEY}>") == len(KEY)


def test_all_places_leak_but_the_credential():
    """Which is what the lesson's prediction asks."""
    assert leaking(survey(KEY)) == [place.label for place in PLACES if "Credential" not in place.label]


def test_the_scanner_finds_whole_keys_and_no_pieces():
    """A piece of a key looks like any other text."""
    found = {row["place"]: row["the scanner reports"] for row in survey(KEY).rows}
    assert list(found.values()) == ["groq", "nothing", "nothing", "groq", "groq"]


def test_clearing_outputs_leaves_source_and_metadata():
    """The misconception of the lesson."""
    assert leaking(survey(KEY, outputs_cleared=True)) == [PLACES[0].label, PLACES[4].label]


def test_the_notebook_is_one():
    """It can be read as JSON, and is written with one cell for each place."""
    assert len(json.loads(json.dumps(notebook(KEY)))["cells"]) == len(PLACES)
