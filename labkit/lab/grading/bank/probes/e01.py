"""Exercise 01: keys stay on the server."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any

from labkit.lab.grading.observe import Code


def load(code: Code, case: Any) -> Any:
    """What comes of looking for a key, and how much of it shows anywhere."""
    load_key = code.load_key
    key = case["environ"].get("LLM_API_KEY", "").strip()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            gives = load_key(dict(case["environ"]))
        except Exception as error:  # noqa: BLE001 - which exception it is, is what is asked
            told = " ".join(_texts(error))
            return {
                "raises": type(error).__name__,
                "names LLM_API_KEY": "LLM_API_KEY" in str(error),
                "characters of the key shown": _longest(key, told + printed.getvalue()),
            }
    return {"gives": gives, "characters of the key shown": _longest(key, repr(gives) + printed.getvalue())}


def stand_in(code: Code, case: Any) -> Any:
    """Whether a value is taken for a stand-in."""
    return code.is_placeholder(case["value"])


def shows(code: Code, case: Any) -> Any:
    """What each way to look at the object shows of the key."""
    secret = code.Secret(case["name"], case["key"])
    ways = {"repr": repr(secret), "str": str(secret), "an f-string": f"{secret}", "a list": repr([secret])}
    ways["vars"] = repr(vars(secret)) if hasattr(secret, "__dict__") else ""
    return {
        "reveal()": secret.reveal(),
        "names the variable": case["name"] in ways["repr"],
        **{way: f"{_longest(case['key'], text)} characters of the key" for way, text in ways.items()},
    }


def places(code: Code, case: Any) -> Any:
    """Where a notebook is said to hold a key."""
    return code.places(case["notebook"])


def _texts(error: BaseException | None) -> Iterator[str]:
    """What an exception and everything it drags along would show."""
    while error is not None:
        yield f"{error} {error!r} {getattr(error, '__notes__', '')}"
        error = error.__cause__ or error.__context__


def _longest(key: str, text: str) -> int:
    """Length of the longest piece of the key in a text; less than four characters can be chance."""
    lengths = (
        n for n in range(len(key), 3, -1) if any(key[i : i + n] in text for i in range(len(key) - n + 1))
    )
    return next(lengths, 0)


PROBES = {"load": load, "stand_in": stand_in, "shows": shows, "places": places}
