"""What all tests share: marks for what a test needs from the machine, and hypothesis without a stopwatch.

@pytest.mark.needs("chromium")   # skips where it is missing, and fails there in CI
@pytest.mark.alone               # measures time: runs with no other test beside it
@pytest.mark.slow                # left out of `labkit test --quick`
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from labkit.lab.doctor import bubblewrap

HERE = Path(__file__).parent

# A machine that runs two workers is late at times: that is no finding about the code under test.
settings.register_profile("labkit", deadline=None)
settings.load_profile("labkit")

AT_HAND: dict[str, Callable[[], bool]] = {
    "bubblewrap": lambda: bubblewrap(HERE).passed,
    "chromium": lambda: shutil.which("chromium") is not None,
    "git": lambda: shutil.which("git") is not None,
    "postgresql": lambda: (
        shutil.which("initdb") is not None or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    ),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose needs this machine does not meet; in CI that is a failure, since CI installs them."""
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            if AT_HAND[name]():
                continue
            if os.environ.get("CI"):
                pytest.fail(f"needs {name}, and CI must have it: see .ci/run", pytrace=False)
            pytest.skip(f"needs {name}: sudo apt-get install {name}")
