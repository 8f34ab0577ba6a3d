"""Fingerprints are keyed, name their key, differ by purpose, and refuse keys that are none."""

from __future__ import annotations

import hashlib
import hmac
import pickle
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.failures import LabkitError
from labkit.fingerprints import Fingerprinter, FingerprintError, short_fingerprint

QUESTION = "Can I rotate the stale service-account key for account acct_10234?"
OLD, NEW = "old key of the last quarter 7f3a", "new key of this quarter 91cd"


def test_the_lessons_twelve_digits() -> None:
    """The lesson's key and question give the lesson's digits."""
    assert short_fingerprint(QUESTION, "dev-only-fingerprint-key") == "85ef707a963b"


def test_the_short_form_is_plain_hmac() -> None:
    """Anyone with the key can check it with any tool: it is HMAC-SHA256, cut."""
    expected = hmac.new(NEW.encode(), QUESTION.encode(), hashlib.sha256).hexdigest()

    assert short_fingerprint(QUESTION, NEW) == expected[:12]


def test_a_fingerprint_names_its_key() -> None:
    """The form is hmac-sha256:<key id>:<64 hex digits>."""
    text = Fingerprinter({"2026-11": NEW}, purpose="question")(QUESTION)

    assert re.fullmatch(r"hmac-sha256:2026-11:[0-9a-f]{64}", text)


def test_one_text_has_one_fingerprint_and_another_has_another() -> None:
    """Repeats correlate; a changed letter does not."""
    fingerprint = Fingerprinter({"k": NEW}, purpose="question")

    assert fingerprint(QUESTION) == fingerprint(QUESTION)
    assert fingerprint(QUESTION) != fingerprint(QUESTION + "?")


def test_purposes_cannot_be_joined() -> None:
    """The same text under the same key differs by purpose."""
    question, account = (Fingerprinter({"k": NEW}, purpose=name) for name in ("question", "account"))

    assert question(QUESTION) != account(QUESTION)
    assert not account.matches(QUESTION, question(QUESTION))


def test_two_keys_live_during_a_rotation() -> None:
    """New fingerprints use the last key; old ones still match until the old key is dropped."""
    before = Fingerprinter({"q3": OLD}, purpose="question")
    during = Fingerprinter({"q3": OLD, "q4": NEW}, purpose="question")
    after = Fingerprinter({"q4": NEW}, purpose="question")

    assert during(QUESTION).startswith("hmac-sha256:q4:")
    assert during.matches(QUESTION, before(QUESTION))
    assert during.matches(QUESTION, during(QUESTION))
    assert not after.matches(QUESTION, before(QUESTION))


@given(text=st.text(), other=st.text())
def test_matches_is_equality(text: str, other: str) -> None:
    """A fingerprint matches its own text and no other."""
    fingerprint = Fingerprinter({"k": NEW}, purpose="question")

    assert fingerprint.matches(other, fingerprint(text)) == (text == other)


@pytest.mark.parametrize("broken", ["", "hmac-sha256", "hmac-sha256:k", "hmac-sha256:k:", "md5:k:0", "a:b:ü"])
def test_a_broken_fingerprint_matches_nothing(broken: str) -> None:
    """What is no fingerprint is False, not an exception."""
    assert not Fingerprinter({"k": NEW}, purpose="question").matches(QUESTION, broken)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "shorter than 16"),
        (b"", "shorter than 16"),
        ("short", "shorter than 16"),
        (" " * 40, "shorter than 16"),
        ("your-fingerprint-key-here", "a placeholder"),
        ("changeme-changeme-changeme", "a placeholder"),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", "a placeholder"),
        (None, "a NoneType"),
        (12345678901234567890, "a int"),
    ],
)
def test_a_key_that_is_none_is_refused(key: Any, said: str) -> None:
    """Empty, short, placeholder and non-text keys: a named error with the fix, in both forms."""
    for make in (
        lambda: short_fingerprint("text", key),
        lambda: Fingerprinter({"k": key}, purpose="question"),
    ):
        with pytest.raises(FingerprintError, match=rf"{said}.*token_hex"):
            make()


def test_the_error_never_holds_the_key() -> None:
    """A refused key is not quoted: it may be a good key of something else."""
    with pytest.raises(FingerprintError) as caught:
        short_fingerprint("text", "hunter2")

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("keys", [{}, {"a": OLD, "b": NEW, "c": OLD + NEW}])
def test_one_or_two_keys_live(keys: dict[str, str]) -> None:
    """No key is no fingerprint, and a third key means that an old one was never dropped."""
    with pytest.raises(FingerprintError, match=f"{len(keys)} keys; wanted one, or two"):
        Fingerprinter(keys, purpose="question")


@pytest.mark.parametrize("key_id", ["", "with:colon", "UPPER", "a b", "x" * 40])
def test_a_key_id_fits_into_a_fingerprint(key_id: str) -> None:
    """An id with a colon would make the fingerprint ambiguous."""
    with pytest.raises(FingerprintError, match="key id"):
        Fingerprinter({key_id: NEW}, purpose="question")


def test_a_purpose_is_a_word() -> None:
    """A missing purpose would let every table share one."""
    with pytest.raises(FingerprintError, match="wanted a lower-case word"):
        Fingerprinter({"k": NEW}, purpose="")


def test_the_key_is_not_shown_and_not_pickled() -> None:
    """Neither repr, vars nor pickle gives the key away."""
    fingerprint = Fingerprinter({"k": NEW}, purpose="question")

    assert repr(fingerprint) == "Fingerprinter(keys=['k'], purpose='question')"
    assert not hasattr(fingerprint, "__dict__")
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(fingerprint)


def test_the_error_is_one_of_ours() -> None:
    """One except clause catches every mistake in using the kit."""
    assert issubclass(FingerprintError, LabkitError)
