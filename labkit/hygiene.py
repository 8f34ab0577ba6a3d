"""Habits that keep a loaded key safe: its age, its file, its environment, and a better place for it.

Without these checks a key is loaded for years, from a file that every user of the machine can read and that
one ``git add .`` publishes; and sooner or later somebody "just tries" the production key in a notebook.

    for advice in check_env_file(Path(".env")): print(advice.message)
    print(rotation_reminder(settings.issued, today=date.today()).message)
    refuse_production(settings)          # in a notebook: SecretError; in the server: nothing
"""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Protocol

from labkit.keykinds import kind_of
from labkit.secrets import KEY_NAME, Credential, SecretError, Settings

#: Days after which a key is due for rotation when nothing else is agreed.
MAX_AGE_DAYS = 90


@dataclass(frozen=True, slots=True)
class Advice:
    """One finding about how a secret is kept. ``level`` is ok, note, warning or danger."""

    level: str
    message: str
    fix: str = ""


def rotation_reminder(issued: date | None, today: date, max_age_days: int = MAX_AGE_DAYS) -> Advice:
    """Whether a key issued on that day is due. An unknown age is advice too: it cannot be called fresh."""
    fix = "Issue a new key, deploy it, then revoke the old one."
    if issued is None:
        return Advice(
            "note", f"The age of {KEY_NAME} is unknown.", f"Set {KEY_NAME}_ISSUED to the day it was made."
        )
    if issued > today:
        return Advice(
            "warning", f"{KEY_NAME}_ISSUED is {issued}, after today ({today}).", "Correct the date."
        )
    due, age = issued + timedelta(days=max_age_days), (today - issued).days
    if today >= due:
        return Advice("warning", f"{KEY_NAME} is {age} days old; it was due for rotation on {due}.", fix)
    if today >= due - timedelta(days=7):
        return Advice("note", f"{KEY_NAME} is due for rotation on {due}.", fix)
    return Advice("ok", f"{KEY_NAME} is {age} days old; due on {due}.")


def check_env_file(path: Path) -> list[Advice]:
    """What is wrong with how ``.env`` is kept: readable by others, tracked by git, not ignored by git."""
    if not path.exists():
        return []
    return [advice for advice in (_permissions(path), _git_state(path)) if advice is not None]


def _permissions(path: Path) -> Advice | None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if sys.platform == "win32" or not mode & 0o077:
        return None
    return Advice("warning", f"{path} has mode {mode:04o}: other users can open it.", f"chmod 600 {path}")


def _git_state(path: Path) -> Advice | None:
    if _git(path, "rev-parse", "--is-inside-work-tree") != 0:
        return None
    if _git(path, "ls-files", "--error-unmatch", path.name) == 0:
        return Advice(
            "danger",
            f"{path} is tracked by git: every clone has its keys.",
            f"git rm --cached {path}, add it to .gitignore, and rotate every key in it.",
        )
    if _git(path, "check-ignore", "--quiet", path.name) != 0:
        return Advice("warning", f"{path} is not ignored by git.", f"Add {path.name} to .gitignore.")
    return None


def _git(path: Path, *arguments: str) -> int:
    """The exit code of git, run beside the file; 128 when git is not installed."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed command, no shell
            ["git", "-C", str(path.absolute().parent), *arguments],  # noqa: S607 - git is found on PATH
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        return 128
    return done.returncode


def running_in_notebook(modules: Mapping[str, Any] | None = None) -> bool:
    """Whether this process is a Jupyter kernel."""
    ipython = (sys.modules if modules is None else modules).get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None


def looks_production(settings: Settings) -> bool:
    """Declared with ``LLM_ENVIRONMENT=prod``, or of a kind made for production or administration."""
    kind = kind_of(settings.credential.reveal()) if settings.credential is not None else None
    return settings.environment == "prod" or (kind is not None and kind.production)


def refuse_production(settings: Settings, in_notebook: Callable[[], bool] = running_in_notebook) -> None:
    """Raise ``SecretError`` for a production credential in a notebook; do nothing anywhere else."""
    if in_notebook() and looks_production(settings):
        raise SecretError(
            f"{KEY_NAME} looks like a production credential, and this is a notebook: its outputs are "
            "saved and shared. Use a development key with a small spending limit; keep the production key in "
            "the server's secret manager."
        )


class KeyringBackend(Protocol):
    """The one function used of the ``keyring`` package."""

    def get_password(self, service_name: str, username: str) -> str | None:
        """The stored value, or None."""


def from_keyring(
    service: str, name: str = KEY_NAME, backend: KeyringBackend | None = None
) -> Credential | None:
    """The credential that the operating system's keyring holds under ``service`` and ``name``, or None."""
    if backend is None:
        try:
            import keyring  # noqa: PLC0415 - an optional extra
        except ImportError:
            raise SecretError("The keyring source needs the extra: pip install 'labkit[keyring]'.") from None
        backend = keyring
    try:
        value = backend.get_password(service, name)
    except Exception as error:  # noqa: BLE001 - backends raise their own kinds; which one is all that may be said
        reason = type(error).__name__
    else:
        return Credential(name, value) if value else None
    raise SecretError(f"The keyring cannot be read ({reason}). Unlock it, or set {name} in the environment.")
