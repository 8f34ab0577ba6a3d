"""Where things stand: the checkout's folder, the lessons in it, and the learner's own copies.

Opened in place, a lesson changes when it is run: then ``git pull`` refuses to update it, and the checks
compare the learner's outputs with ours. So ``labkit start`` copies, and these are the rules of a copy:

    copy_all(house())    # a missing copy is made; one the learner changed is never touched

A copy that is still as we made it follows its original; the digests in ``work/.copies.json`` tell.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from labkit.bootstrap.environment import checkout

#: original folder -> where the learner's copies stand
COPIED = {"notebooks": "work/lessons", "exercises": "work"}


def house() -> Path:
    """Return the folder everything is relative to: the checkout, or where the command was typed."""
    return checkout() or Path.cwd()


@dataclass
class Copied:
    """What one round of copying did, by path of the copy."""

    made: list[Path] = field(default_factory=list)
    refreshed: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)

    def sentence(self) -> str:
        """Say it in one line: ``17 new, 2 updated, 1 kept because you changed it``."""
        parts = [
            (self.made, "new"),
            (self.refreshed, "updated"),
            (self.kept, "kept as you have it, though its original changed"),
        ]
        return ", ".join(f"{len(paths)} {what}" for paths, what in parts if paths) or "nothing new"


def copy_all(home: Path) -> Copied:
    """Bring the learner's copies up to date; a file the learner changed is left as it is."""
    register = home / "work" / ".copies.json"
    known = _read(register)
    done = Copied()
    for source, target in COPIED.items():
        for original in sorted((home / source).rglob("*")):
            relative = original.relative_to(home / source)
            if original.is_file() and not any(part.startswith((".", "__")) for part in relative.parts):
                _copy(original, home / target / relative, known, home, done)
    if done.made or done.refreshed:
        register.parent.mkdir(exist_ok=True)
        _write(register, json.dumps(known, indent=1, sort_keys=True).encode())
    return done


def _copy(original: Path, copy: Path, known: dict[str, str], home: Path, done: Copied) -> None:
    name = copy.relative_to(home).as_posix()
    content = original.read_bytes()
    if not copy.exists():
        done.made.append(copy)
    elif copy.read_bytes() == content or known.get(name) == _digest(content):
        return  # the same, or changed by the learner since we copied this very version
    elif known.get(name) == _digest(copy.read_bytes()):
        done.refreshed.append(copy)
    else:
        done.kept.append(copy)
        return
    copy.parent.mkdir(parents=True, exist_ok=True)
    _write(copy, content)
    known[name] = _digest(content)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(register: Path) -> dict[str, str]:
    try:
        known = json.loads(register.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # then nothing counts as unchanged: copies are kept, never lost
    return {str(k): str(v) for k, v in known.items()} if isinstance(known, dict) else {}


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.write_bytes(content)
    draft.replace(path)
