"""Keys are loaded, counted as present, and shown nowhere."""

import copy
import dataclasses
import json
import os
import pickle
import pprint
import random
import subprocess
import sys
import traceback
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from labkit.hygiene import (
    check_env_file,
    from_keyring,
    refuse_production,
    rotation_reminder,
    running_in_notebook,
)
from labkit.keykinds import KEY_KINDS, find_keys, is_placeholder, kind_of, make_fake
from labkit.secrets import Credential, SecretError, Settings, check_secret, load_settings

KINDS = {kind.name: kind for kind in KEY_KINDS}
KEY = make_fake(KINDS["openai_project"], random.Random(7).random)
OTHER = make_fake(KINDS["anthropic"], random.Random(8).random)


def settings(environ=None, **kwargs) -> Settings:
    """Load from a given environment only."""
    return load_settings({"LLM_API_KEY": KEY} | (environ or {}), **{"env_file": None} | kwargs)


def shows_key(text: object) -> bool:
    """Whether any 8 characters in a row of the key's random part stand in the text."""
    body = KEY.removeprefix("sk-proj-")
    return any(body[i : i + 8] in str(text) for i in range(len(body) - 7))


# --- presence -----------------------------------------------------------------------------------


def test_a_present_key_is_reported_as_two_booleans():
    """The lesson's report, exactly."""
    assert check_secret("LLM_API_KEY", {"LLM_API_KEY": KEY}) == {"loaded": True, "server_only": True}


@pytest.mark.parametrize("value", [None, "", "   ", "x7Kq9mPz2Rt"])
def test_a_missing_or_short_key_is_a_runtime_error_that_names_the_variable(value):
    """Eleven characters are too few; the message has the name and not the value."""
    environ = {} if value is None else {"LLM_API_KEY": value}
    with pytest.raises(RuntimeError, match="LLM_API_KEY") as caught:
        check_secret("LLM_API_KEY", environ)
    assert not (value or "").strip() or value not in str(caught.value)


def test_twelve_characters_are_enough():
    """The boundary itself is accepted."""
    assert check_secret("LLM_API_KEY", {"LLM_API_KEY": "x7Kq9mPz2RtW"})["loaded"] is True


def test_the_process_environment_is_the_default():
    """Called with nothing, the check reads the real environment."""
    code = "from labkit.secrets import check_secret; print(check_secret())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"LLM_API_KEY": KEY},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "{'loaded': True, 'server_only': True}\n"


@pytest.mark.parametrize(
    "value",
    ["your-api-key-here", "changeme", "sk-…", "sk-...", "sk-xxxxxxxxxxxxxxxxxxxxxx", "<paste your key>",
     "${LLM_API_KEY}", "sk-proj-1234567890abcdefghij", "AKIAIOSFODNN7EXAMPLE", "REPLACE_WITH", "********"],
)  # fmt: skip
def test_documentation_is_not_a_key(value):
    """A copied example line fails here, not at the provider."""
    assert is_placeholder(value)
    with pytest.raises(SecretError, match="LLM_API_KEY"):
        check_secret(environ={"LLM_API_KEY": value})


def test_a_variable_that_bundlers_publish_is_refused():
    """`server_only` is checked: a VITE_ variable ends up in browser code."""
    with pytest.raises(SecretError, match="browser"):
        check_secret("VITE_LLM_API_KEY", {"VITE_LLM_API_KEY": KEY})


# --- sources ------------------------------------------------------------------------------------


def test_the_environment_wins_over_dotenv_and_dotenv_over_the_secrets_directory(tmp_path: Path):
    """Three sources, one order; an empty variable counts as absent."""
    (tmp_path / ".env").write_text("LLM_MODEL=from-dotenv\nLLM_PROVIDER=from-dotenv\n")
    store = tmp_path / "secrets"
    store.mkdir()
    for name in ("llm_model", "llm_provider"):
        (store / name).write_text("from-directory")
    (store / "llm_api_key").write_text(KEY + "\n")
    found = load_settings(
        {"LLM_MODEL": "from-environment", "LLM_PROVIDER": ""},
        env_file=tmp_path / ".env",
        secrets_dir=store,
    )
    assert (found.model, found.provider) == ("from-environment", "from-dotenv")
    assert found.require().reveal() == KEY


def test_an_empty_line_in_dotenv_is_an_absent_setting(tmp_path: Path):
    """A template with `LLM_MODEL=` left open is not a wrong name."""
    (tmp_path / ".env").write_text("LLM_MODEL=\nLLM_API_KEY=\n")
    found = load_settings({}, env_file=tmp_path / ".env")
    assert (found.model, found.credential) == (None, None)


def test_blanks_around_a_key_are_not_part_of_it():
    """A pasted newline would make every request fail in its header."""
    assert settings({"LLM_API_KEY": f"  {KEY}\n"}).require().reveal() == KEY


def test_no_key_is_no_error_until_it_is_required():
    """The practice provider needs no key, so loading succeeds and `require` names what is missing."""
    found = load_settings({}, env_file=None)
    assert found.credential is None
    with pytest.raises(SecretError, match="LLM_API_KEY is missing"):
        found.require()


class Ring:
    """A stand-in for the operating system's keyring."""

    def get_password(self, service_name: str, username: str) -> str | None:
        """One entry."""
        return OTHER if (service_name, username) == ("labkit", "LLM_API_KEY") else None


def test_the_keyring_answers_for_its_service():
    """One service and name has a key; another has none."""
    found = from_keyring("labkit", backend=Ring())
    assert found is not None
    assert found.reveal() == OTHER
    assert from_keyring("other", backend=Ring()) is None


def test_the_keyring_is_asked_last():
    """It fills a gap, and never overrides the environment."""

    def ask():
        return from_keyring("labkit", backend=Ring())

    assert load_settings({}, env_file=None, last_source=ask).require().reveal() == OTHER
    assert settings(last_source=ask).require().reveal() == KEY


def test_a_locked_keyring_is_named_without_its_message():
    """Backends put what they like into messages; only the kind of error is passed on."""

    class Locked:
        def get_password(self, *_: str) -> str | None:
            raise ValueError(KEY)

    with pytest.raises(SecretError, match="ValueError") as caught:
        from_keyring("labkit", backend=Locked())
    assert not shows_key(_everything_about(caught.value))


def test_a_missing_secrets_directory_is_named(tmp_path: Path):
    """A typo in a mount path is an error, not an empty configuration."""
    with pytest.raises(SecretError, match="nowhere"):
        load_settings({}, env_file=None, secrets_dir=tmp_path / "nowhere")


# --- nothing shows ------------------------------------------------------------------------------


class Holder(BaseModel):
    """A model of an application that keeps a credential in a field."""

    model_config = ConfigDict(frozen=True)
    credential: Credential
    retries: int


@pytest.mark.parametrize(
    "show",
    [repr, str, format, lambda s: f"{s!r:>80}", "{}".format, pprint.pformat, dataclasses.asdict,
     dataclasses.astuple, copy.copy, copy.deepcopy, dir, lambda s: s.report(),
     lambda s: {name: getattr(s, name) for name in s.__slots__},
     lambda s: {name: getattr(s.credential, name) for name in s.credential.__slots__},
     lambda s: Holder(credential=s.credential, retries=1),
     lambda s: Holder(credential=s.credential, retries=1).model_dump(),
     lambda s: Holder(credential=s.credential, retries=1).model_dump_json(),
     lambda s: vars(Holder(credential=s.credential, retries=1)),
     lambda s: Holder.model_construct(credential=s.credential, retries=1)],
)  # fmt: skip
def test_no_way_of_showing_settings_shows_the_key(show):
    """Printing, dumping, copying and walking attributes give the name of the variable at most."""
    assert not shows_key(show(settings()))


@pytest.mark.parametrize(
    "refuse",
    [vars, pickle.dumps, json.dumps, lambda s: vars(s.credential), lambda s: pickle.dumps(s.credential)],
)
def test_what_would_copy_the_key_in_plain_text_is_refused(refuse):
    """Pickle, JSON and vars() raise, and their messages are clean too."""
    with pytest.raises(TypeError) as caught:
        refuse(settings())
    assert not shows_key(caught.value)


def test_a_validation_error_of_an_enclosing_model_has_no_key():
    """An error quotes its input; the credential's text form is its name."""
    with pytest.raises(ValidationError) as caught:
        Holder(credential=settings().credential, retries="many")
    assert not shows_key((str(caught.value), caught.value.errors(), caught.value.json()))


def _everything_about(error: BaseException) -> str:
    """The error as a crash reporter sees it: arguments, chain, and locals of every frame of ours."""
    parts = [repr(error), repr(error.args), repr(getattr(error, "__notes__", ""))]
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    parts += [str(frame.locals) for frame in report.stack if f"{os.sep}labkit{os.sep}" in frame.filename]
    for linked in (error.__cause__, error.__context__):
        parts += [_everything_about(linked)] if linked is not None else []
    return "\n".join(parts)


BAD = [
    {"LLM_MODEL": KEY},
    {"LLM_PROVIDER": KEY},
    {"LLM_BASE_URL": f"https://user:{KEY}@host/v1"},
    {"LLM_BASE_URL": f"https://host/v1?key={KEY}"},
    {"LLM_BASE_URL": KEY},
    {"LLM_ENVIRONMENT": KEY},
    {"LLM_API_KEY_ISSUED": KEY},
    {"LLM_MODEL": "a model"},
]


@pytest.mark.parametrize("environ", BAD)
def test_a_wrong_setting_is_named_without_any_value(environ):
    """A key pasted into the wrong line is the likeliest mistake, so its error must not repeat it."""
    with pytest.raises(SecretError, match=next(iter(environ))) as caught:
        settings(environ)
    assert not shows_key(_everything_about(caught.value))


def test_errors_of_the_presence_check_hold_no_environment():
    """A traceback with locals of our frames shows neither the value nor the other variables."""
    with pytest.raises(SecretError) as caught:
        check_secret("LLM_API_KEY", {"OTHER_KEY": KEY})
    assert not shows_key(_everything_about(caught.value))


def test_an_unreadable_dotenv_is_named_without_its_content(tmp_path: Path):
    """A decoding error carries the whole file in its attributes; it is not passed on."""
    path = tmp_path / ".env"
    path.write_bytes(f"LLM_API_KEY={KEY}\nNOTE=\xff\n".encode("latin-1"))
    with pytest.raises(SecretError, match=r"\.env") as caught:
        load_settings({}, env_file=path)
    assert not shows_key(_everything_about(caught.value))


def test_importing_the_module_imports_no_library():
    """`import labkit.secrets` costs nothing that a script would notice."""
    code = (
        "import sys, labkit.secrets, labkit.hygiene;"
        "print([m for m in ('pydantic', 'pydantic_settings', 'keyring') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- the table ----------------------------------------------------------------------------------


def test_the_table_has_the_kinds_of_the_field():
    """At least 25 kinds, each with its own name, and the prefixes that a learner meets."""
    assert len({kind.name for kind in KEY_KINDS}) == len(KEY_KINDS) >= 25
    prefixes = {prefix for kind in KEY_KINDS for prefix in kind.prefixes}
    named = "sk-proj- sk-ant- sk-or-v1- gsk_ xai- tgp_v1_ hf_ nvapi- r8_ pplx- lsv2_pt_ AKIA ghp_ AQ."
    assert prefixes >= set(named.split())


@given(
    kind=st.sampled_from(KEY_KINDS), seed=st.integers(0, 2**32), tail=st.sampled_from("<&,.\"\\ ;)\n`'|}]")
)
def test_a_key_ends_where_its_alphabet_ends(kind, seed, tail):
    """Whatever follows a key, the whole key is found and nothing more."""
    key = make_fake(kind, random.Random(seed).random)
    text = f"value={key}{tail}next"
    assert [(k.name, text[a:b]) for k, a, b in find_keys(text)] == [(kind.name, key)]


def test_a_longer_word_is_not_a_key_of_fixed_length():
    """Thirty-two hex digits that go on as letters are an identifier."""
    key = make_fake(KINDS["databricks"], random.Random(1).random)
    assert list(find_keys(f"{key} {key}g {key}0")) == [(KINDS["databricks"], 0, len(key))]


@given(kind=st.sampled_from(KEY_KINDS), seed=st.integers(0, 2**32))
def test_every_kind_knows_its_own_keys(kind, seed):
    """No kind takes another's keys, so a report names the provider to call."""
    assert kind_of(make_fake(kind, random.Random(seed).random)) == kind


@given(kind=st.sampled_from(KEY_KINDS), letter=st.sampled_from("xX0a"))
def test_a_masked_key_has_no_kind(kind, letter):
    """A prefix followed by one repeated letter is documentation."""
    assert kind_of(make_fake(kind, lambda: 0.0)) is None
    assert kind_of(kind.prefixes[0] + letter * 40) is None


# --- hygiene ------------------------------------------------------------------------------------

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("age", "level"), [(0, "ok"), (82, "ok"), (83, "note"), (89, "note"), (90, "warning"), (-1, "warning")]
)
def test_a_key_is_due_after_its_age(age, level):
    """Ninety days by default, a note in the last week, and no key from the future."""
    assert rotation_reminder(TODAY - timedelta(days=age), TODAY).level == level


def test_an_unknown_age_is_not_fresh():
    """Without a date the advice says which variable to set."""
    advice = rotation_reminder(None, TODAY)
    assert (advice.level, "LLM_API_KEY_ISSUED" in advice.fix) == ("note", True)


def _git(where: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(where), *arguments], check=True, capture_output=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits")
def test_an_env_file_that_others_can_read_is_reported(tmp_path: Path):
    """Mode 0644 is a warning with the chmod that fixes it; 0600 is silent."""
    path = tmp_path / ".env"
    path.write_text("LLM_API_KEY=\n")
    path.chmod(0o644)
    assert [advice.fix for advice in check_env_file(path)] == [f"chmod 600 {path}"]
    path.chmod(0o640)
    assert [advice.level for advice in check_env_file(path)] == ["warning"]
    path.chmod(0o600)
    assert check_env_file(path) == []


def test_git_must_ignore_the_env_file_and_must_not_have_it(tmp_path: Path):
    """Not ignored is a warning, ignored is silent, tracked is a danger even when ignored."""
    _git(tmp_path, "init", "-q")
    path = tmp_path / ".env"
    path.write_text("LLM_API_KEY=\n")
    path.chmod(0o600)
    assert [advice.level for advice in check_env_file(path)] == ["warning"]
    (tmp_path / ".gitignore").write_text(".env\n")
    assert check_env_file(path) == []
    _git(tmp_path, "add", "-f", ".env")
    assert [advice.level for advice in check_env_file(path)] == ["danger"]


def test_an_absent_env_file_needs_no_advice(tmp_path: Path):
    """Nothing to keep, nothing to say."""
    assert check_env_file(tmp_path / ".env") == []


@pytest.mark.parametrize("kind", [kind for kind in KEY_KINDS if kind.production], ids=lambda kind: kind.name)
def test_a_production_key_is_refused_in_a_notebook(kind):
    """Administration, service-account and live keys do not belong beside saved outputs."""
    found = settings({"LLM_API_KEY": make_fake(kind, random.Random(3).random)})
    with pytest.raises(SecretError, match="production"):
        refuse_production(found, in_notebook=lambda: True)
    refuse_production(found, in_notebook=lambda: False)


def test_the_declared_environment_counts_and_a_development_key_passes():
    """`LLM_ENVIRONMENT=prod` is refused whatever the key looks like; a development key is not."""
    with pytest.raises(SecretError, match="production"):
        refuse_production(settings({"LLM_ENVIRONMENT": "prod"}), in_notebook=lambda: True)
    refuse_production(settings(), in_notebook=lambda: True)


def test_a_plain_interpreter_is_no_notebook():
    """Only a shell with a kernel counts; IPython in a terminal does not."""

    class Terminal:
        def get_ipython(self):
            return object()

    class Kernel(Terminal):
        def get_ipython(self):
            return type("Shell", (), {"kernel": object()})()

    assert running_in_notebook({}) is False
    assert running_in_notebook({"IPython": Terminal()}) is False
    assert running_in_notebook({"IPython": Kernel()}) is True
