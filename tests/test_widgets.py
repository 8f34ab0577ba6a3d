"""The pieces that lessons share, driven as a hand would drive them."""

import ipywidgets
import pytest

from labkit.lab.widgets import Explore, Item, Predict, Recall, Sorter, ask, checkbox, slider, subscribe

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def heard():
    """Every step that widgets told of."""
    steps = []
    end = subscribe(steps.append)
    yield steps
    end()


def _guess(**options):
    return Predict("How many requests?", ["1", "2", "3"], name="00-requests", **options)


def _walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _walk(child)


def _find(card, kind):
    return [widget for widget in _walk(card.box) if isinstance(widget, kind)]


def _press(card, label):
    next(b for b in _find(card, ipywidgets.Button) if b.description == label).click()


def _text(card):
    return " ".join(widget.value for widget in _find(card, ipywidgets.HTML))


def test_a_prediction_by_hand_is_heard_with_its_confidence(heard):
    """Choose, say how sure, commit."""
    guess = _guess()
    _find(guess, ipywidgets.RadioButtons)[0].value = "2"
    _find(guess, ipywidgets.Dropdown)[0].value = 90
    _press(guess, "Commit prediction")
    assert (heard[0].what, heard[0].chosen, heard[0].confidence) == ("predicted", ("2",), 90)


def test_a_prediction_without_a_choice_asks_for_one(heard):
    """Nothing is committed by an empty press."""
    guess = _guess()
    _press(guess, "Commit prediction")
    assert not guess.committed
    assert "Choose one" in _text(guess)
    assert heard == []


def test_the_first_word_counts(heard):
    """A second commit changes nothing, and the inputs are closed."""
    guess = _guess()
    guess.commit("1", confidence=30)
    guess.commit("2", confidence=99)
    assert guess.chosen == ("1",)
    assert len(heard) == 1
    assert _find(guess, ipywidgets.RadioButtons)[0].disabled


def test_a_result_is_hidden_until_the_prediction_is_committed():
    """With a live page, the result waits behind its prediction."""
    guess = _guess()
    result = guess.reveal("2", "the table")
    assert "the table" not in _text(result)
    guess.commit("1")
    assert "the table" in _text(result)
    assert "not as predicted" in _text(result)


def test_a_result_can_be_had_without_a_prediction(heard):
    """Nobody is locked out, and nothing is told to the journal."""
    result = _guess().reveal("2", "the table")
    _press(result, "Show it without a prediction")
    assert "the table" in _text(result)
    assert heard == []


def test_a_result_that_is_made_after_the_prediction_opens_at_once():
    """The usual order: commit, then run."""
    guess = _guess()
    guess.commit("2", confidence=70)
    assert "✓ as predicted" in _text(guess.reveal("2"))


def test_what_came_of_a_prediction_is_told_once(heard):
    """Right or not, with the confidence, for calibration."""
    guess = _guess()
    guess.commit("2", confidence=70)
    result = guess.reveal("2")
    result.open()
    assert [(s.what, s.right, s.confidence) for s in heard] == [
        ("predicted", None, 70),
        ("revealed", True, 70),
    ]


def test_the_plain_form_hides_nothing():
    """Under nbval and in an export the whole result stands there."""
    data, _ = _guess().reveal("2", "the table", because="One was refused.")._repr_mimebundle_()
    assert "the table" in data["text/html"]
    assert data["text/plain"] == "It was 2. One was refused.\nthe table"
    assert VIEW in data


def test_an_outcome_that_was_not_offered_is_refused():
    """A question whose answer cannot be chosen is a mistake of the author."""
    with pytest.raises(ValueError, match="among the choices"):
        _guess().reveal("7")


def test_many_choices_can_be_partly_right():
    """Some of them is neither right nor wrong."""
    guess = Predict("Which?", ["a", "b", "c"], name="01-which", many=True)
    for box in _find(guess, ipywidgets.Checkbox)[:2]:
        box.value = True
    _press(guess, "Commit prediction")
    assert guess.chosen == ("a", "b")
    assert guess.verdict(["b", "a"]) == "✓ as predicted"
    assert guess.verdict(["b"]).endswith("partly as predicted")
    assert guess.verdict(["c"]).endswith("not as predicted")


def test_none_of_many_is_a_prediction():
    """To expect nothing is an answer."""
    guess = Predict("Which?", ["a"], name="01-which", many=True)
    _press(guess, "Commit prediction")
    assert guess.committed
    assert guess.verdict([]) == "✓ as predicted"


def test_a_recall_answer_waits_to_be_asked_for(heard):
    """Try first, look second, mark third."""
    card = Recall("Why?", "Because.", name="00-why", source="lesson 00")
    assert "Because." not in _text(card)
    _press(card, "Show the answer")
    assert "Because." in _text(card)
    _press(card, "partly")
    assert (heard[0].what, heard[0].chosen, heard[0].right) == ("recalled", ("partly",), False)


def test_recall_needs_no_script_in_its_plain_form():
    """A native disclosure opens by keyboard everywhere."""
    html = Recall("Why?", "Because.", name="00-why").to_html()
    assert html.startswith("<details><summary")


def test_questions_come_from_the_manifest():
    """`ask` shows those of these names, with where they are from."""
    card = ask("07-herd")
    assert "thousand callers" in card.to_text()
    assert "lesson 07" in card.to_html()


ITEMS = [Item("503", "wait", "it passes"), Item("401", "fix", "same key, same answer")]


def test_a_sorting_by_hand_is_compared_with_reasons(heard):
    """Each thing: yours, where it belongs, why."""
    sorter = Sorter("Sort", ["wait", "fix"], ITEMS, name="06-sort")
    for made in _find(sorter, ipywidgets.Dropdown):
        made.value = "wait"
    _press(sorter, "Check my sorting")
    assert sorter.answers.rows[1] == {
        "what": "401",
        "you said": "✗ wait",
        "where": "fix",
        "why": "same key, same answer",
    }
    assert "1 of 2" in _text(sorter)
    assert heard[0].right is False


def test_a_half_sorting_names_what_is_missing():
    """Nothing is judged before everything is sorted."""
    sorter = Sorter("Sort", ["wait", "fix"], ITEMS, name="06-sort")
    _find(sorter, ipywidgets.Dropdown)[0].value = "wait"
    _press(sorter, "Check my sorting")
    assert "Still to sort: 401" in _text(sorter)
    assert sorter.chosen == {}


def test_an_item_without_a_bin_is_refused():
    """A sorter that cannot be solved is a mistake of the author."""
    with pytest.raises(ValueError, match="401"):
        Sorter("Sort", ["wait"], ITEMS, name="06-sort")


def _panel():
    return Explore(
        lambda retries, quota: f"{retries} retries{', quota' if quota else ''}",
        question="What then?",
        retries=slider("Retries", 0, 5, 2),
        quota=checkbox("Quota"),
    )


def test_a_control_moves_what_is_shown():
    """Set from code or by hand, the same callback runs."""
    panel = _panel()
    panel.controls["retries"].value = 4
    assert panel.shown.to_text() == "4 retries"
    panel.set(quota=True)
    assert "4 retries, quota" in _text(panel)


def test_a_control_that_is_not_there_is_named():
    """With those that are."""
    with pytest.raises(ValueError, match=r"'retry'.*quota.*retries"):
        _panel().set(retry=1)


def test_every_control_has_a_label():
    """A screen reader has something to say for each input."""
    cards = [_guess(), Sorter("Sort", ["wait", "fix"], ITEMS, name="06-sort"), _panel(), ask("07-herd")]
    controls = (ipywidgets.Dropdown, ipywidgets.Button, ipywidgets.Checkbox, ipywidgets.IntSlider)
    assert all(widget.description for card in cards for widget in _find(card, controls))
