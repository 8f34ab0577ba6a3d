"""What all tests share: marks for what a test needs from the machine, and hypothesis without a stopwatch.

@pytest.mark.needs("chromium")   # skips where it is missing, and fails there in CI
@pytest.mark.alone               # measures time: runs with no other test beside it
@pytest.mark.slow                # left out of `labkit test --quick`

A quick run also leaves out the files of SLOW, and asks hypothesis for a few examples only.
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
settings.register_profile("quick", deadline=None, max_examples=10)
settings.load_profile("quick" if os.environ.get("LABKIT_QUICK") else "labkit")

#: Files whose tests start processes, browsers or databases, simulate much, or wait for real.
SLOW = {
    "test_cancellation.py",
    "test_capstone_page.py",
    "test_cli.py",
    "test_control_widgets.py",
    "test_doctor.py",
    "test_faults_end_to_end.py",
    "test_fuzz.py",
    "test_idempotency_crash.py",
    "test_idempotency_trouble.py",
    "test_jitter.py",
    "test_jobs.py",
    "test_lessons_in_browser.py",
    "test_main.py",
    "test_needs.py",
    "test_notebook_tool.py",
    "test_provider_rotations.py",
    "test_provider_sdks.py",
    "test_provider_socket.py",
    "test_provider_streams.py",
    "test_savehook.py",
    "test_sinks.py",
    "test_start.py",
    "test_stream_faults.py",
    "test_stream_sockets.py",
    "test_transport.py",
    "test_world.py",
}

AT_HAND: dict[str, Callable[[], bool]] = {
    "bubblewrap": lambda: bubblewrap(HERE).passed,
    "chromium": lambda: shutil.which("chromium") is not None,
    "git": lambda: shutil.which("git") is not None,
    "postgresql": lambda: (
        shutil.which("initdb") is not None or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    ),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of a slow file as slow."""
    for item in items:
        if item.path.name in SLOW:
            item.add_marker(pytest.mark.slow)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose needs this machine does not meet; in CI that is a failure, since CI installs them."""
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            if AT_HAND[name]():
                continue
            if os.environ.get("CI"):
                pytest.fail(f"needs {name}, and CI must have it: see .ci/run", pytrace=False)
            pytest.skip(f"needs {name}: sudo apt-get install {name}")
