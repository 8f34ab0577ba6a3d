"""The door: check the Python, make the environment if needed, hand over to the command line.

    python3 -m labkit start     # from a bare clone: makes .venv once, then opens the lab
    python3 -m labkit test      # the same, with everything that the checks need

This file parses on Python 3.6, so that an old Python gets a sentence and not a traceback. It and
``labkit.bootstrap`` use the standard library only: they run before anything is installed.
"""

import contextlib
import os
import shutil
import subprocess
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the one place where an older Python may arrive
    _newer = [n for n in ("python3.13", "python3.12", "python3.11") if shutil.which(n)]
    _advice = "Run it with the newer one you have: " if _newer else "Install Python 3.11 or newer, then run: "
    sys.exit(
        "labkit: this is Python {}.{}, and labkit needs 3.11 or newer.\n  {}{} -m labkit {}".format(
            *sys.version_info[:2], _advice, (_newer or ["python3.11"])[0], " ".join(sys.argv[1:])
        )
    )

from pathlib import Path

from labkit.bootstrap import environment
from labkit.bootstrap.words import Stop


def main(arguments: list[str] | None = None) -> int:
    """Prepare the environment if needed, run one labkit command, return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        house = environment.checkout()
        if house is None or not environment.house_manages(house):
            return command_line(given)
        lock = environment.TEST_LOCK if given[:1] == ["test"] else environment.LAB_LOCK
        environment.prepare(house, lock)
        return command_line(given) if environment.inside(house) else switch(house, given)
    except Stop as stop:
        sys.stderr.write(f"labkit: {stop}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nlabkit: stopped.\n")
        return 130


def command_line(arguments: list[str]) -> int:
    """Run the command line in this very process."""
    try:
        from labkit.cli import run  # noqa: PLC0415 - it needs what prepare() has just installed
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "labkit":
            raise
        raise Stop(
            f"the module {error.name} is not installed in {sys.prefix}.",
            "The commands come with the lab: python3 -m pip install 'labkit[lab]'",
        ) from None
    return run(arguments)


def switch(house: Path, arguments: list[str]) -> int:
    """Go on in the environment's own Python: this process becomes it, or waits for it on Windows."""
    python = str(environment.interpreter(house / ".venv"))
    command = [python, "-P", "-m", "labkit", *arguments]
    # Both would make the environment's Python look for its library in the wrong place.
    variables = {k: v for k, v in os.environ.items() if k not in {"PYTHONHOME", "__PYVENV_LAUNCHER__"}}
    if os.name == "posix":
        os.execve(python, command, variables)  # noqa: S606
    child = subprocess.Popen(command, env=variables)  # noqa: S603
    while True:
        # Ctrl-C reaches the child as well; it stops in its own way and we pass its exit code on.
        with contextlib.suppress(KeyboardInterrupt):
            return child.wait()


if __name__ == "__main__":
    sys.exit(main())
