"""`labkit cost` and `labkit doctor --canary`, as they are typed."""

from dataclasses import replace
from pathlib import Path

import pytest
from some_records import make_record

from labkit.cli import run
from labkit.sinks import JsonlSink
from labkit.usage import Usage


def test_cost_prints_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The lesson's call appears with its price."""
    path = tmp_path / "calls.jsonl"
    usage = Usage(input_tokens=250, output_tokens=80)
    JsonlSink(path)(make_record(usage=usage, attempts=(replace(make_record().attempts[1], usage=usage),)))

    assert run(["cost", str(path)]) == 0
    assert "$0.00098" in capsys.readouterr().out


def test_cost_of_nothing_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file ends with exit code 1 and what to give."""
    assert run(["cost", str(tmp_path / "calls.jsonl")]) == 1
    assert "labkit: no records at calls.jsonl" in capsys.readouterr().err


def test_a_bad_card_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A card that is no card ends with exit code 1 and what was wanted."""
    path = tmp_path / "calls.jsonl"
    JsonlSink(path)(make_record())
    (tmp_path / "card.toml").write_text("nothing = 1")

    assert run(["cost", str(path), "--card", str(tmp_path / "card.toml")]) == 1
    assert "not a rate card" in capsys.readouterr().err


def test_the_canary_passes_here(capsys: pytest.CaptureFixture[str]) -> None:
    """Every path of the core and the laboratory is named, and none leaks."""
    assert run(["doctor", "--canary"]) == 0
    assert "The marker came out nowhere." in capsys.readouterr().out
