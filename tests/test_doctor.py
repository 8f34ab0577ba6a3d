"""`labkit doctor`: what it finds, what it advises, and what it never shows."""

import subprocess
import sys
from pathlib import Path

import pytest

from labkit.lab import doctor
from labkit.lab.doctor import Check

HOME = Path(__file__).parents[1]


def test_this_machine_is_well() -> None:
    """Where the tests run, nothing that the lab needs is missing, and the exit code says so."""
    command = [sys.executable, "-c", "from labkit.cli import run; raise SystemExit(run(['doctor']))"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "The lab can run here." in done.stdout


def test_each_failed_check_names_its_fix() -> None:
    """No finding without a way out: every check that can fail carries what to do."""
    checks = list(doctor.examine(HOME))
    assert {"Python", "packages", "kernel", "port", "write access", "Chromium", "bubblewrap"} <= {
        check.name for check in checks
    }
    assert all(check.fix or check.passed for check in checks)


@pytest.mark.parametrize(
    ("passed", "needed", "state"), [(True, True, "ok"), (False, True, "missing"), (False, False, "optional")]
)
def test_wanted_is_not_needed(passed: bool, needed: bool, state: str) -> None:
    """Only what the lab cannot run without counts as missing."""
    assert Check("x", passed, "found", "fix", needed).state == state


def test_variables_are_reported_without_their_values() -> None:
    """Set or not set: no part of a value is in any field."""
    secret = "sk-proj-abcdefghijklmnop"
    for check in doctor.variables(dict.fromkeys([*doctor.WANTED, *doctor.INHERITED], secret)):
        assert check.found == "set"
        assert not any(secret[at : at + 6] in repr(check) for at in range(len(secret) - 5))


def test_a_missing_key_is_no_failure() -> None:
    """The practice provider needs no credential."""
    assert {check.state for check in doctor.variables({})} <= {"ok", "optional"}


def test_a_wrong_version_is_named(tmp_path: Path) -> None:
    """A package that differs from the lock: which, what is here, what was wanted."""
    (tmp_path / "requirements.lock").write_text(
        "rich==0.0.1 \\\n    --hash=sha256:00\n"
        "no-such-package==1.0\n"
        "for-elsewhere==1.0 ; sys_platform == 'nowhere'\n"
    )
    check = doctor.locked_packages(tmp_path)
    assert not check.passed
    assert check.found.startswith("0 of 2 as in requirements.lock: rich ")
    assert "not 0.0.1" in check.found
    assert "no-such-package absent, not 1.0" in check.found


def test_a_folder_that_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    """The refusal of the system is shown, with what to do."""
    check = doctor.write_access(tmp_path / "gone")
    assert check.state == "missing"
    assert "copy" in check.fix


def test_a_marker_decides_whether_a_pin_counts() -> None:
    """A pin for another platform is not missing here."""
    lock = "a==1 ; sys_platform == 'nowhere'\nb==2 ; python_version >= '3' \\\n    --hash=sha256:00\n"
    assert list(doctor.pins(lock)) == [("b", "2")]


@pytest.mark.skipif(sys.platform == "win32", reason="rights on Windows are other rights")
def test_a_secrets_file_that_others_can_read_is_named_without_its_content(tmp_path: Path) -> None:
    """The place and the fix; what is in it stays there."""
    path = tmp_path / ".env"
    assert doctor.secrets_file(tmp_path).passed
    path.write_text("LLM_API_KEY=4815162342-ottoline")
    path.chmod(0o644)
    check = doctor.secrets_file(tmp_path)
    assert "optional" == check.state
    assert "chmod 600" in check.fix
    assert "ottoline" not in repr(check)
    path.chmod(0o600)
    assert doctor.secrets_file(tmp_path).passed
