"""The mark that says what a test needs from the machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")


@pytest.mark.parametrize(("ci", "expected"), [("", "1 skipped"), ("true", "1 error")])
def test_what_skips_here_fails_in_ci(tmp_path: Path, ci: str, expected: str) -> None:
    """A missing program is a reason to skip on a learner's machine, and a broken promise in CI."""
    missing = '\nAT_HAND["a unicorn"] = lambda: False\n'
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8") + missing)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = needs: what is needed\n")
    (tmp_path / "test_it.py").write_text(
        'import pytest\n@pytest.mark.needs("a unicorn")\ndef test_it(): pass\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert expected in done.stdout
    assert "needs a unicorn" in done.stdout
