"""Style and types, as tests: the closing line counts them like all others."""

import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "tool",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy", "labkit")],
    ids=["ruff check", "ruff format", "mypy --strict"],
)
def test_style(tool: tuple[str, ...]) -> None:
    """The tool, with the settings in pyproject.toml, has nothing to say."""
    done = subprocess.run(
        [sys.executable, "-m", *tool], cwd=HOME, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
