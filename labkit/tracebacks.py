"""Where an error came from, without what it was about.

Without it, one exception undoes a careful log: its message quotes the value that failed, its traceback
prints source lines and locals, and the error it was raised from does it again.

    try: ...
    except Exception as error:
        describe_exception(error)   # [{"type": "ValueError", "frames": ["boundary.py:88:call"]}]
"""

from __future__ import annotations

import re
import sys
import traceback
from functools import lru_cache
from itertools import islice
from pathlib import Path

from labkit.allowlist import has_key

__all__ = ["describe_exception", "safe_word", "source"]


def describe_exception(error: BaseException, most: int = 5) -> list[dict[str, object]]:
    """The error and what it came from: type and frames, without messages, arguments or locals.

    [{"type": "ValueError", "frames": ["boundary.py:88:call", …]}, …], the error itself first.
    """
    found: list[dict[str, object]] = []
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting and len(found) < most:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        found.append({"type": _type_name(type(current)), "frames": _frames(current)})
        waiting.append(current.__cause__ or (None if current.__suppress_context__ else current.__context__))
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(islice(current.exceptions, most))
    return found


def _type_name(kind: type[BaseException]) -> str:
    """The nearest class that its module holds under that name; one made at run time can be named anything."""
    for base in kind.__mro__:
        name = base.__name__
        if getattr(sys.modules.get(base.__module__), name, None) is base and safe_word(name) == name:
            return name
    return "Exception"


def _frames(error: BaseException, most: int = 20) -> list[str]:
    frames = [
        source(frame.f_code.co_filename, line, frame.f_code.co_name)
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return frames[-most:]


def source(path: str, line: int, function: str) -> str:
    """A place in code: `boundary.py:88:call`. Directories are left out: they hold people's names.

    Code that stands in no file was made at run time, and its names could be data: "?" stands for them.
    """
    file = safe_word(path.replace("\\", "/").rpartition("/")[2])
    return f"{file}:{line}:{safe_word(function)}" if _is_code(path) else f"?:{line}:?"


@lru_cache(maxsize=1024)
def _is_code(path: str) -> bool:
    return path == "<stdin>" or bool(_CELL.search(path)) or Path(path).is_file()


@lru_cache(maxsize=1024)
def safe_word(text: str) -> str:
    """A name from code if it is short, of a name's characters and no API key; else "?"."""
    return text if _WORD.fullmatch(text) and not has_key(text) else "?"


_WORD = re.compile(r"[A-Za-z0-9_.<>-]{1,64}", re.ASCII)
_CELL = re.compile(r"(?:ipykernel_\d+[/\\]\d+\.py|<ipython-input-[\w-]+>)\Z", re.ASCII)  # a notebook's cell
