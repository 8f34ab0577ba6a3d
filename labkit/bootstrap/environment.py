"""Make ``.venv`` beside the checkout's code, once, and know whether it can be trusted.

Without this page a half-finished installation is found out much later, as a missing module in the middle
of a lesson; and a changed lock is never noticed at all.

    prepare(checkout(), "requirements.lock")    # does nothing when nothing changed

Three files decide:

- ``.venv/labkit.unfinished`` is written first and removed last: while it is there, ``.venv`` is rebuilt;
- ``.venv/labkit.json``, the stamp, says for which lock, Python and folder ``.venv`` was made;
- ``.venv.lock`` is held by the one process that is making it.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from labkit.bootstrap.children import only_one, run, signals_end_the_child
from labkit.bootstrap.words import Stop, explain, explained, step

LAB_LOCK = "requirements.lock"
TEST_LOCK = "requirements-test.lock"
MEGABYTES_A_PACKAGE = 5  # what one package of the locks takes on disk, on average

Stamp = dict[str, object]


def checkout() -> Path | None:
    """Return the folder of the checkout this file lies in, or None when labkit was installed as a package."""
    folder = Path(__file__).resolve().parents[2]
    return folder if (folder / "pyproject.toml").is_file() and (folder / LAB_LOCK).is_file() else None


def house_manages(house: Path) -> bool:
    """Say whether ``.venv`` is ours to make: not after ``pip install -e``, which chose an environment."""
    try:
        origin = importlib.metadata.distribution("labkit").read_text("direct_url.json") or "{}"
    except importlib.metadata.PackageNotFoundError:
        return True
    facts = json.loads(origin)
    return not (facts.get("dir_info", {}).get("editable") and facts.get("url") == house.as_uri())


def inside(house: Path) -> bool:
    """Say whether this process already runs in the checkout's own environment."""
    return Path(sys.prefix).resolve() == (house / ".venv").resolve()


def interpreter(venv: Path) -> Path:
    """Return the environment's Python: ``bin/python``, or ``Scripts/python.exe`` on Windows."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def digest(lock: Path) -> str:
    """Return the lock's SHA-256, the same whatever line ends git has checked out."""
    return hashlib.sha256(lock.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def packages(lock: Path) -> list[str]:
    """Return the names that a lock pins: the line ``httpx==0.28.1`` -> ``httpx``."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    return [line.partition("==")[0] for line in lines if "==" in line and line[0].isalnum()]


def read_stamp(venv: Path) -> Stamp | None:
    """Return what the stamp says, or None where there is none, it is damaged or the work was cut short."""
    if (venv / "labkit.unfinished").exists():
        return None
    try:
        stamp = json.loads((venv / "labkit.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stamp if isinstance(stamp, dict) else None


def is_sound(stamp: Stamp | None, house: Path) -> bool:
    """Say whether the environment was finished, for this folder and this Python, whatever its lock."""
    return (
        stamp is not None
        and stamp.get("python") == list(sys.version_info[:2])
        and stamp.get("folder") == str(house)
        and interpreter(house / ".venv").exists()
    )


def is_ready(stamp: Stamp | None, house: Path, lock: str) -> bool:
    """Say whether nothing has to be done: sound, and made from the lock as it is now."""
    if stamp is None or not is_sound(stamp, house):
        return False
    made_from = stamp.get("locks")
    return isinstance(made_from, dict) and made_from.get(lock) == digest(house / lock)


def prepare(house: Path, lock: str) -> None:
    """Make ``.venv`` fit the lock; do nothing when it does. Raises Stop with the fix when it cannot."""
    stamp = read_stamp(house / ".venv")
    if is_ready(stamp, house, lock):
        return
    if inside(house) and not is_sound(stamp, house):
        raise Stop(
            f"{house / '.venv'} is unfinished, and it cannot rebuild itself from inside.",
            "Leave it (deactivate), then run: python3 -m labkit start",
        )
    try:
        with only_one(house) as held, signals_end_the_child():
            build(house, lock, stamp, held)
    except OSError as error:
        raise explain(error, house) from error


def build(house: Path, lock: str, stamp: Stamp | None, held: int) -> None:
    """Bring ``.venv`` from whatever state it is in to one that fits the lock."""
    venv = house / ".venv"
    check_tools(importlib.util.find_spec)
    check_space(house, len(packages(house / lock)), fresh=not is_sound(stamp, house))
    for left in house.glob(".venv-discarded-*"):
        shutil.rmtree(left, ignore_errors=True)
    if not is_sound(stamp, house):
        discard(venv)
        venv.mkdir()
    (venv / "labkit.unfinished").write_text("labkit is making this folder\n", encoding="utf-8")
    if not is_sound(stamp, house):
        with step(f"making .venv with Python {sys.version.split()[0]}"):
            explained(run([sys.executable, "-m", "venv", str(venv)], held))
    install(house, lock, stamp, held)
    finish(house, lock)


def install(house: Path, lock: str, stamp: Stamp | None, held: int) -> None:
    """Install what the lock pins; remove what an earlier lock pinned and no lock names now."""
    pip = [str(interpreter(house / ".venv")), "-m", "pip", "--no-input", "--disable-pip-version-check"]
    names = packages(house / lock)
    with step(f"installing the {len(names)} packages of {lock}, the longest step") as show:
        wanted = ["install", "--require-hashes", "--no-warn-script-location", "-r", str(house / lock)]
        explained(run(pip + wanted, held, show))
    before = stamp.get("packages") if stamp and is_sound(stamp, house) else None
    named = {
        name for each in (LAB_LOCK, TEST_LOCK) if (house / each).is_file() for name in packages(house / each)
    }
    gone = sorted(set(before) - named) if isinstance(before, list) else []
    if gone:
        with step(f"removing what the lock no longer names: {', '.join(gone)}"):
            explained(run([*pip, "uninstall", "--yes", *gone], held))


def finish(house: Path, lock: str) -> None:
    """Put the checkout on the path, leave a ``labkit`` command, and declare the work done."""
    venv = house / ".venv"
    site = sysconfig.get_path("purelib", "venv", {"base": str(venv), "platbase": str(venv)})
    Path(site, "labkit-checkout.pth").write_text(f"{house}\n")  # Python reads it in the locale's encoding too
    python = interpreter(venv)
    if os.name == "nt":
        (python.parent / "labkit.cmd").write_text('@"%~dp0python.exe" -P -m labkit %*\r\n', encoding="utf-8")
    else:
        command = python.parent / "labkit"
        command.write_text(
            f'#!/bin/sh\nexec {shlex.quote(str(python))} -P -m labkit "$@"\n', encoding="utf-8"
        )
        command.chmod(0o755)
    locks = [LAB_LOCK, TEST_LOCK] if lock == TEST_LOCK else [lock]
    stamp = {
        "python": list(sys.version_info[:2]),
        "folder": str(house),
        "locks": {name: digest(house / name) for name in locks},
        "packages": packages(house / lock),
    }
    draft = venv / "labkit.json.new"
    draft.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    draft.replace(venv / "labkit.json")
    (venv / "labkit.unfinished").unlink()


def discard(venv: Path) -> None:
    """Take a ``.venv`` away that is ours and cannot be used; refuse to touch one that someone else made."""
    if not venv.exists() and not venv.is_symlink():
        return
    ours = (venv / "labkit.unfinished").exists() or (venv / "labkit.json").exists()
    if not ours and (venv.is_symlink() or not venv.is_dir() or any(venv.iterdir())):
        raise Stop(
            f"{venv} is there, and labkit did not make it.",
            "Move it away or delete it, then run this again.",
        )
    # Renamed first: were it deleted in place, a Ctrl-C half-way could take the mark and leave the rest.
    aside = venv.with_name(f".venv-discarded-{os.getpid()}")
    venv.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def check_tools(find_spec: Callable[[str], object]) -> None:
    """Raise Stop when this Python came without the two modules that make an environment."""
    missing = [name for name in ("venv", "ensurepip") if not find_spec(name)]
    if missing:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Stop(
            f"this Python ({sys.executable}) came without its module {' and '.join(missing)}.",
            f"On Debian or Ubuntu: sudo apt-get install python{version}-venv. Elsewhere: reinstall Python.",
        )


def check_space(house: Path, count: int, fresh: bool) -> None:
    """Raise Stop when the disk cannot hold the packages, before half of them are on it."""
    needed = count * MEGABYTES_A_PACKAGE + 30 if fresh else 50
    free = shutil.disk_usage(str(house)).free // 1_000_000
    if free < needed:
        raise Stop(
            f"the disk of {house} has {free} MB free, and .venv needs about {needed} MB.",
            "Free some space, or move this folder to a disk that has it, then run this again.",
        )
