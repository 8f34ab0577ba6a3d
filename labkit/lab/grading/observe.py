"""Run a learner's code, ask it questions, and write down what was seen. Nothing is judged here.

Whatever runs in this process may have been changed by the code it ran: builtins, json, this very module. So
what leaves it is an observation, to be parsed strictly and judged elsewhere, where the expected values are.

    code, errors = run_cells(["def double(x): return 2 * x"])
    observe(code, probe=lambda code, case: code.double(case["x"]), case={"x": 4})
    # {"value": 8}

Standard library only: this file is what a sandbox loads.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import math
import re
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

Observation = dict[str, Any]
Probe = Callable[["Code", Any], Any]

MOST_TEXT = 4000  # characters of one string in an observation
MOST_ITEMS = 1000  # items of one list or dict
MOST_DEPTH = 12
SECONDS = 2.0  # for one question
CELLS_SECONDS = 10.0  # for one cell


class Missing(Exception):
    """A probe asked for a name that the notebook does not define."""


def _stub() -> None: ...


def _stub_with_docstring() -> None:
    """Nothing."""


_STUBS = {_stub.__code__.co_code, _stub_with_docstring.__code__.co_code}
_EVERY_CLASS = {*vars(type("Empty", (), {})), "__qualname__", "__firstlineno__", "__static_attributes__"}


def is_stub(value: Any) -> bool:
    """Whether a function has no body, or a class no members: nobody has written it yet."""
    if type(value) is types.FunctionType:
        # The same code may return another constant than None: it is the last one.
        return value.__code__.co_code in _STUBS and value.__code__.co_consts[-1] is None
    return type(value) is type and value.__bases__ == (object,) and vars(value).keys() <= _EVERY_CLASS


class TooLong(BaseException):
    """One question took longer than its limit."""


class Code:
    """The names that a notebook defines. A missing one, or a stub, is an observation."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names

    def __getattr__(self, name: str) -> Any:
        if name not in self._names or is_stub(self._names[name]):
            raise Missing(name)
        return self._names[name]


def run_cells(
    cells: Sequence[str], name: str = "__main__", seconds: float = CELLS_SECONDS
) -> tuple[Code, list[str]]:
    """Run code cells in order, each even if one before it failed, as a person would run them.

    Lines that are IPython's (`%magic`, `!shell`, `name?`) are left out. Gives the names that the cells
    define, and one line for each cell that raised: `cell 3: NameError: name 'x' is not defined`.
    """
    module = types.ModuleType(name)
    names = vars(module)
    names["__builtins__"] = __builtins__
    errors = []
    for number, source in enumerate(cells, 1):
        try:
            with time_limit(seconds):
                _run_cell(plain_python(source), f"<cell {number}>", names)
        except TooLong:
            errors.append(f"cell {number}: no end within {seconds:g} s")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the learner's code raises is an observation
            errors.append(f"cell {number}: {describe(error)}")
    return Code(names), errors


def _run_cell(source: str, name: str, names: dict[str, Any]) -> None:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    compiled = compile(source, name, "exec", flags=flags, dont_inherit=True)
    if compiled.co_flags & inspect.CO_COROUTINE:
        asyncio.run(types.FunctionType(compiled, names)())
    else:
        exec(compiled, names)  # noqa: S102 - running the learner's code is the purpose of this function


_IPYTHON = re.compile(r"^\s*(?:%|!|\?)|^[\w.]+\s*\?{1,2}\s*$")


def plain_python(source: str) -> str:
    """The cell without IPython's own syntax, line numbers kept; a cell that starts with `%%` is empty."""
    if source.lstrip().startswith("%%"):
        return ""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        lines = source.replace("\r\n", "\n").split("\n")
        return "\n".join("pass" if _IPYTHON.match(line) else line for line in lines)
    return source


def observe(code: Code, probe: Probe, case: Any, seconds: float = SECONDS) -> Observation:
    """Ask one question and write down the answer: a value, what was raised, a missing name, or no end."""
    printed = io.StringIO()
    try:
        with time_limit(seconds), contextlib.redirect_stdout(printed):
            value = probe(code, case)
            if inspect.isawaitable(value):
                value = asyncio.run(_awaited(value))
            return {"value": encode(value)}
    except Missing as missing:
        return {"missing": str(missing)[:100]}
    except TooLong:
        return {"timeout": seconds}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - see above
        return {"raised": type(error).__name__[:100], "text": describe(error)}


async def _awaited(value: Any) -> Any:
    return await value


def describe(error: BaseException) -> str:
    """An exception in one line, cut to a sane length."""
    with contextlib.suppress(Exception):
        return f"{type(error).__name__}: {error}".replace("\n", " ")[:300]
    return type(error).__name__[:100]


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TooLong` in the main thread when the time is up.

    Only the main thread of a POSIX process can be interrupted so. Elsewhere the block runs without a limit,
    and whoever started the process holds the clock.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    # It rings again every 50 ms: the first ring may fall into a block that swallows it.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.05)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def encode(value: Any, depth: int = 0) -> Any:  # noqa: PLR0911 - one return for each type, read from top to bottom
    """A value as strict JSON that keeps its exact type: `True` is not 1, a tuple is not a list.

    >>> encode((1, True, "a", None, 0.5))
    {'tuple': [1, True, 'a', None, 0.5]}

    What has no JSON form of its own is named by its type: `{"other": "Decimal", "text": "0.50"}`.
    """
    kind = type(value)
    if value is None or kind is bool or kind is int:
        return value if kind is not int or abs(value) < 10**30 else {"other": "int", "text": "huge"}
    if kind is float:
        return value if math.isfinite(value) else {"other": "float", "text": repr(value)}
    if isinstance(value, str):
        return str.__str__(value)[:MOST_TEXT]
    if depth > MOST_DEPTH:
        return {"other": kind.__name__[:100], "text": "nested too deep"}
    if kind is list or kind is tuple or kind is set or kind is frozenset:
        items = sorted(value, key=repr) if kind in (set, frozenset) else value
        encoded = [encode(item, depth + 1) for item in list(items)[:MOST_ITEMS]]
        return encoded if kind is list else {kind.__name__: encoded}
    if isinstance(value, dict):
        pairs = list(dict.items(value))[:MOST_ITEMS]
        return {"dict": [[encode(key, depth + 1), encode(inner, depth + 1)] for key, inner in pairs]}
    if kind is Decimal:
        return {"other": "Decimal", "text": str(value)}
    return {"other": kind.__name__[:100], "text": _shown(value)}


def _shown(value: Any) -> str:
    with contextlib.suppress(Exception):
        return repr(value)[:300]
    return ""


def observations(
    code: Code, probes: Mapping[str, Probe], cases: Mapping[str, Sequence[Any]], seconds: float = SECONDS
) -> dict[str, list[Observation]]:
    """Ask every question of an exercise: for each check, one observation a case."""
    return {
        check: [observe(code, probes[check], case, seconds) for case in check_cases]
        for check, check_cases in cases.items()
        if check in probes
    }
