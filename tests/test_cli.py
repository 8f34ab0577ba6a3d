"""The command line: thin, quick to answer, and honest in its exit codes."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import labkit
from labkit.bootstrap.words import Stop
from labkit.cli import app, run
from labkit.lab import checks

HOME = Path(__file__).parents[1]


def labkit_command(*arguments: str, folder: Path = HOME) -> "subprocess.CompletedProcess[str]":
    code = "import sys; from labkit.cli import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


NAMES = [command.name or command.callback.__name__ for command in app.registered_commands]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`labkit NAME --help` says what the command is for, without loading what it needs."""
    assert run([name, "--help"]) == 0
    assert f"labkit {name}" in capsys.readouterr().out


def test_version_is_one_word(capsys: pytest.CaptureFixture[str]) -> None:
    """`labkit version` is for scripts."""
    assert run(["version"]) == 0
    assert capsys.readouterr().out == f"{labkit.__version__}\n"


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error ends with exit code 2 and a hint."""
    assert run(["strat"]) == 2
    assert "strat" in capsys.readouterr().err


def test_help_loads_nothing_heavy() -> None:
    """`labkit --help` does not wait for JupyterLab, httpx or pandas."""
    code = (
        "import sys; from labkit.cli import run; run(['--help'])\n"
        "heavy = {'jupyterlab', 'httpx', 'pydantic', 'pandas', 'starlette'}\n"
        "print(heavy & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=HOME, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "set()"


def test_a_fault_that_does_not_exist_is_named_with_those_that_do() -> None:
    """`labkit provider --faults` refuses what it does not know before it listens."""
    done = labkit_command("provider", "--port", "0", "--faults", "nonsense")
    assert done.returncode == 2
    assert "nonsense" in done.stderr
    assert "rate_limit" in done.stderr


@pytest.mark.parametrize("text", ["429", "429=often"])
def test_a_chance_that_is_no_number_shows_the_form(text: str) -> None:
    """`labkit provider --chance` says what it wants."""
    done = labkit_command("provider", "--port", "0", "--chance", text)
    assert done.returncode == 2
    assert "NAME=SHARE" in done.stderr


# -- labkit test --------------------------------------------------------------------------------------


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small suite: one test passes, one fails, one skips. Without plugins: they take seconds to load."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (tmp_path / "test_all.py").write_text(
        "import pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): assert 'seen' == 'wanted'\n"
        "@pytest.mark.skip\n"
        "def test_no(): pass\n"
    )
    return tmp_path


def stage(*arguments: str) -> checks.Stage:
    return checks.Stage("a stage", ("-p", "no:cacheprovider", *arguments))


def test_a_stage_passes_on_what_it_prints_and_counts_it(
    suite: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A run's output is shown as it is, and its counts and exit code are kept."""
    outcome = checks.run(stage("test_all.py"), suite)
    assert outcome.counts == Counter(passed=1, failed=1, skipped=1)
    assert outcome.code == 1
    assert b"'seen' == 'wanted'" in capfdbinary.readouterr().out


def test_a_run_that_breaks_before_it_counts_is_an_error(suite: Path) -> None:
    """An unknown option leaves no closing line, and still is not nothing."""
    outcome = checks.run(stage("--no-such-option"), suite)
    assert outcome.counts == Counter(errors=1)
    assert outcome.code != 0


def test_a_selection_without_tests_is_not_a_failure(suite: Path) -> None:
    """A stage with nothing to do passes beside one that did something; alone it does not."""
    empty, full = (checks.run(stage("-k", word, "test_all.py"), suite) for word in ("nowhere", "good"))
    assert checks.verdict([empty, full]) == 0
    assert checks.verdict([empty]) == checks.NOTHING_COLLECTED


def test_the_last_line_sums_all_stages() -> None:
    """The closing line has pytest's form, and a failure in any stage is in it."""
    outcomes = [
        checks.Outcome(0, Counter(passed=3, skipped=1), 1.5),
        checks.Outcome(1, Counter(passed=4, failed=2, errors=1), 2.0),
        checks.Outcome(0, Counter(passed=1), 0.25),
    ]
    assert checks.closing_line(outcomes).strip("=") == " 2 failed, 8 passed, 1 skipped, 1 errors in 3.75s "
    assert checks.verdict(outcomes) == 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("== 1 failed, 24 passed, 2 skipped in 3.21s ==", {"failed": 1, "passed": 24, "skipped": 2}),
        ("\x1b[32m== \x1b[1m5 passed\x1b[0m in 61.00s (0:01:01) ==\x1b[0m", {"passed": 5}),
        ("= 5 passed, 2 deselected, 1 warning in 1.00s =", {"passed": 5, "warnings": 1}),
        ("9 passed in 1.00s\n== 4 passed, 1 error in 2.00s ==", {"passed": 4, "errors": 1}),
        ("====== no tests ran in 0.01s ======", {}),
    ],
)
def test_a_closing_line_is_read_in_all_its_forms(said: str, expected: dict[str, int]) -> None:
    """Colours, minutes, deselected tests and earlier look-alikes do not change what is counted."""
    assert checks.counts(said, 0) == Counter(expected)


def test_the_quick_run_is_a_part_of_the_whole() -> None:
    """Quick: no slow tests, none that want the machine alone, one notebook at most."""
    whole, quick = (checks.stages(HOME, quick=flag) for flag in (False, True))
    assert len(quick) < len(whole)
    assert any("not alone and not slow" in each.arguments for each in quick)
    assert sum(name.endswith(".ipynb") for each in quick for name in each.arguments) <= 1


def test_every_notebook_is_checked_strictly() -> None:
    """The whole run names each lesson, with strict comparison and a limit for each cell."""
    lessons = [path for folder in ("notebooks", "solutions") for path in (HOME / folder).glob("*.ipynb")]
    arguments = {word for each in checks.stages(HOME, quick=False) for word in each.arguments}
    assert {path.relative_to(HOME).as_posix() for path in lessons} <= arguments
    assert not lessons or {"--nbval", "--nbval-cell-timeout=60"} <= arguments


def test_arguments_after_the_dashes_go_to_one_pytest_run() -> None:
    """`labkit test -- ARGUMENTS` is pytest with those arguments."""
    done = labkit_command(
        "test", "--", "tests/test_cli.py", "-k", "version_is_one_word", "-p", "no:cacheprovider"
    )
    assert done.returncode == 0, done.stdout
    assert "stage 1 of 1: pytest" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("=")
    assert " 1 passed in " in done.stdout.splitlines()[-1]


def test_without_a_checkout_there_is_nothing_to_test(tmp_path: Path) -> None:
    """An installed package says where its tests are."""
    with pytest.raises(Stop, match="come with the checkout"):
        checks.run_checks(quick=False, arguments=[], home=tmp_path)
