"""Exercise 01: keys stay on the server."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from labkit.lab.grading.judge import Case, Check, Exercise, Misconception, Seen

READ = "01_keys"
NAME = "LLM_API_KEY"
# No vowels: neither a word of an error message nor a stand-in comes out by chance.
LETTERS = "BCDFGHJKLMNPQRSTVWXZ23456789"
WORDS = ("your", "example", "changeme", "placeholder", "key-here")
SHOWN = "characters of the key shown"


def _text(random: Random, length: int, letters: str = LETTERS) -> str:
    return "".join(random.choice(letters) for _ in range(length))


# ── is it there ─────────────────────────────────────────────────────────────────────────────────


def _draw_load(random: Random) -> list[Case]:
    short = _text(random, random.randint(5, 10))
    values: list[str | None] = [
        None,
        "",
        short,
        _text(random, 11),
        f"  {_text(random, 10)} \n",
        _text(random, 12),
        _text(random, random.randint(30, 60)),
        f"{_text(random, 12)}\n",
        "sk-" + _text(random, 40),
    ]
    cases: list[Case] = [{"environ": {} if value is None else {NAME: value}} for value in values]
    return [*cases, {"environ": {"OTHER_API_KEY": _text(random, 30)}}]


def _key(case: Case) -> str:
    return str(case["environ"].get(NAME, "")).strip()


def _load(case: Case) -> Any:
    if len(_key(case)) < 12:
        return {"raises": "RuntimeError", f"names {NAME}": True, SHOWN: 0}
    return {"gives": {"loaded": True, "server_only": True}, SHOWN: 0}


def _wrong(seen: Sequence[Seen]) -> list[Seen]:
    return [one for one in seen if one.plain != one.expected]


def _load_fits(wrong_one: Callable[[str, dict[str, Any]], bool]) -> Callable[[Sequence[Seen]], bool]:
    """Whether some wrong case is of this sort: the key that was there, and what came."""
    return lambda seen: any(wrong_one(_key(one.case), one.plain) for one in _wrong(seen) if one.plain)


def _reads_the_process(seen: Sequence[Seen]) -> bool:
    loaded = [one for one in seen if "gives" in one.expected]
    return all(isinstance(one.plain, dict) and "raises" in one.plain for one in loaded)


def _off_by_one(seen: Sequence[Seen]) -> bool:
    wrong = _wrong(seen)
    return bool(wrong) and all(len(_key(one.case)) in {11, 12} for one in wrong)


# ── a key or a stand-in ─────────────────────────────────────────────────────────────────────────


def _draw_stand_ins(random: Random) -> list[Case]:
    five, six = random.sample("BCDFGHJK", 5), random.sample("BCDFGHJK", 6)
    word, other = random.sample(WORDS, 2)
    values = [
        random.choice(WORDS[1:4]),
        f"sk-{'x' * random.randint(20, 40)}",
        f"{_text(random, 9)}-{word.upper()}-{_text(random, 9)}",
        f"sk-{other}-{_text(random, 12)}",
        "".join(random.choices(five, k=30)) + "".join(five),
        "",
        _text(random, 24),
        "sk-" + _text(random, 40),
        "".join(random.choices(six, k=30)) + "".join(six),
        _text(random, 40).lower(),
        "sk-proj-" + _text(random, 40),
        "".join(six) + six[0].lower(),
    ]
    return [{"value": value} for value in values]


def _stand_in(case: Case) -> Any:
    text = case["value"].lower()
    return len(set(text)) < 6 or any(word in text for word in WORDS)


def _only_wrong(those: Callable[[str], bool]) -> Callable[[Sequence[Seen]], bool]:
    """Whether exactly those stand-ins were taken for keys, and nothing else is wrong."""

    def fits(seen: Sequence[Seen]) -> bool:
        wrong = {one.case["value"] for one in seen if one.value is not one.expected}
        fitting = {one.case["value"] for one in seen if one.expected and those(one.case["value"])}
        return bool(wrong) and wrong == fitting

    return fits


def _has_word(text: str) -> bool:
    return any(word in text for word in WORDS)


# ── an object that shows nothing ────────────────────────────────────────────────────────────────


def _draw_secrets(random: Random) -> list[Case]:
    names = random.sample(["LLM_API_KEY", "LLM_API_KEY_DEV", "SCAN_API_KEY", "MAIL_TOKEN"], 3)
    return [{"name": name, "key": "sk-" + _text(random, random.randint(30, 50))} for name in names]


WAYS = ("repr", "str", "an f-string", "a list", "vars")
NOTHING = "0 characters of the key"


def _shows(case: Case) -> Any:
    return {"reveal()": case["key"], "names the variable": True, **dict.fromkeys(WAYS, NOTHING)}


def _leaks(seen: Seen) -> dict[str, int]:
    """How many characters of the key each way shows."""
    plain = seen.plain if isinstance(seen.plain, dict) else {}
    return {way: int(str(plain.get(way, "0")).split()[0]) for way in WAYS}


def _masked(seen: Sequence[Seen]) -> bool:
    return all(0 < _leaks(one)["repr"] < len(one.case["key"]) for one in seen)


def _str_only(seen: Sequence[Seen]) -> bool:
    return all(_leaks(one)["repr"] and not _leaks(one)["str"] for one in seen)


def _vars_only(seen: Sequence[Seen]) -> bool:
    return all(_leaks(one)["vars"] and not _leaks(one)["repr"] for one in seen)


def _all_text(seen: Sequence[Seen]) -> bool:
    return all(_leaks(one)["repr"] == _leaks(one)["str"] == len(one.case["key"]) for one in seen)


# ── where in a notebook ─────────────────────────────────────────────────────────────────────────

OUTPUTS: tuple[Callable[[str], Case], ...] = (
    lambda text: {"output_type": "stream", "name": "stdout", "text": [text + "\n"]},
    lambda text: {"output_type": "display_data", "data": {"text/html": [f"<b>{text}</b>"]}, "metadata": {}},
    lambda text: {
        "output_type": "error",
        "ename": "E",
        "evalue": "",
        "traceback": ["at line 1", f"'{text}'"],
    },
)


def _cell(random: Random, kind: str, output: int, holding: set[str]) -> Case:
    """One cell with a key in each of the parts that are named."""

    def words(part: str) -> str:
        key = "sk-lab-" + _text(random, 20)
        return key if part in holding else "sk-lab-short"

    lines = ["# a note\n", f"# client = Client('{words('source')}')\n", "pass"]
    cell: Case = {"cell_type": kind, "metadata": {"note": words("metadata")} if "metadata" in holding else {}}
    cell["source"] = lines if random.random() < 0.5 else "".join(lines)
    if kind == "code":
        cell["outputs"] = [OUTPUTS[0]("fine"), OUTPUTS[output](words("outputs"))]
    return cell


def _draw_notebooks(random: Random) -> list[Case]:
    kinds = ["code", "markdown", "code", "code", "markdown"]

    def notebook(held: Callable[[], set[str]]) -> Case:
        cells = [_cell(random, kind, at % 3, held()) for at, kind in enumerate(kinds)]
        return {"notebook": {"cells": cells}}

    parts = ["source", "outputs", "metadata"]
    return [
        notebook(lambda: {"source"}),
        notebook(lambda: {"outputs"}),
        notebook(lambda: {"metadata"}),
        notebook(lambda: set(parts)),
        notebook(lambda: set(random.sample(parts, random.randint(1, 2)))),
        notebook(lambda: set(random.sample(parts, random.randint(0, 2)))),
        notebook(set),
    ]


def _places(case: Case) -> Any:
    return [
        (number, part)
        for number, cell in enumerate(case["notebook"]["cells"])
        for part in ("source", "outputs", "metadata")
        if any(_is_key(piece) for piece in json.dumps(cell.get(part)).split("sk-lab-")[1:])
    ]


def _is_key(piece: str) -> bool:
    return len(piece) >= 20 and piece[:20].isalnum()


def _never_found(those: Callable[[Case, str], bool]) -> Callable[[Sequence[Seen]], bool]:
    """Whether no place of this sort was found, and some should have been, and the rest was found."""

    def fits(seen: Sequence[Seen]) -> bool:
        missed: list[bool] = []
        for one in seen:
            got = [tuple(place) for place in one.plain]
            cells = one.case["notebook"]["cells"]
            missed += [those(cells[at], part) for at, part in one.expected if (at, part) not in got]
            if any(those(cells[at], part) for at, part in got):
                return False
        return bool(missed) and all(missed)

    return fits


EXERCISE = Exercise(
    number="01",
    title="Keys stay on the server",
    asks_for=("load_key", "is_placeholder", "Secret", "places"),
    checks=(
        Check(
            name="load",
            asks="Whether a key is there, said without any of it",
            points=2,
            draw=_draw_load,
            expect=_load,
            because="What a program shows of a key is saved in a notebook, a log or a ticket, and stays there.",
            next_step="Measure the stripped value; say the variable's name in the error and nothing made from the value.",
            read=f"{READ}#presence",
            misconceptions=(
                Misconception(
                    "error-tells-the-value",
                    "You put the refused value into the error. Errors are logged, and a value that is too short "
                    "is often a key that was pasted badly.",
                    _load_fits(lambda _, got: "raises" in got and got[SHOWN] > 0),
                ),
                Misconception(
                    "masking-is-safe",
                    "You showed a part of the key, as a mask does. A part is enough to tell which key it is, and "
                    "leaves less to guess. Presence is one fact: yes or no.",
                    _load_fits(lambda _, got: "gives" in got and got[SHOWN] > 0),
                ),
                Misconception(
                    "reads-the-process",
                    "You read this process's environment, or a literal, and not the mapping that was handed in. "
                    "So it cannot be tested with another one.",
                    _reads_the_process,
                ),
                Misconception(
                    "empty-counts-as-loaded",
                    "You asked whether the variable exists. An empty one exists, and opens nothing.",
                    _load_fits(lambda key, got: "gives" in got and key == ""),
                ),
                Misconception(
                    "length-off-by-one",
                    "Exactly 12 characters are enough, and 11 are not. Look at the sign of your comparison.",
                    _off_by_one,
                ),
                Misconception(
                    "blanks-count",
                    "You counted white space as characters of the key. A line break comes along with many a paste.",
                    _load_fits(lambda key, got: "gives" in got and 0 < len(key) < 12),
                ),
                Misconception(
                    "nameless-error",
                    "Your error does not name the variable. Whoever reads it at night has to guess which one to set.",
                    _load_fits(
                        lambda _, got: got.get("raises") == "RuntimeError" and not got[f"names {NAME}"]
                    ),
                ),
                Misconception(
                    "bare-lookup",
                    "You let the mapping raise its own error. A KeyError says that a dictionary lacks something, "
                    "and not what a person has to do.",
                    _load_fits(lambda key, got: got.get("raises") == "KeyError" and key == ""),
                ),
            ),
        ),
        Check(
            name="stand_in",
            asks="Which values stand in for a key",
            points=2,
            draw=_draw_stand_ins,
            expect=_stand_in,
            because="A stand-in passes every length check, and then each call ends in a 401 that nobody understands.",
            next_step="Look for the words anywhere in the value, in any case; then count the different characters.",
            read=f"{READ}#presence",
            misconceptions=(
                Misconception(
                    "whole-value-only",
                    "You compared the whole value with the words. Stand-ins carry them in the middle: sk-your-key-here.",
                    _only_wrong(lambda text: _has_word(text.lower()) and text not in WORDS),
                ),
                Misconception(
                    "case-matters",
                    "You looked for the words in lower case only. YOUR_API_KEY is the same stand-in.",
                    _only_wrong(lambda text: _has_word(text.lower()) and not _has_word(text)),
                ),
                Misconception(
                    "prefix-proves-it",
                    "You took the prefix as proof. Documentation writes sk- in front of its stand-ins too.",
                    _only_wrong(lambda text: text.startswith("sk-")),
                ),
                Misconception(
                    "words-are-enough",
                    "You looked for words only. sk-xxxxxxxx has none; what gives it away is how few characters differ.",
                    _only_wrong(lambda text: not _has_word(text.lower())),
                ),
            ),
        ),
        Check(
            name="shows",
            asks="What can be seen of an object that holds a key",
            points=2,
            draw=_draw_secrets,
            expect=_shows,
            because="Nobody prints a key on purpose. It is printed with the settings, the list or the frame it stands in.",
            next_step="Write `__repr__` without the value, and keep the value where `vars` does not look.",
            read=f"{READ}#credential",
            misconceptions=(
                Misconception(
                    "mask-in-repr",
                    "Your text form shows some of the key. What is shown of it, in however many places, is given away.",
                    _masked,
                ),
                Misconception(
                    "str-only",
                    "You changed `__str__` only. Lists, dictionaries and tracebacks use `__repr__`.",
                    _str_only,
                ),
                Misconception(
                    "underscore-hides",
                    "A leading underscore is a request to people. `vars`, debuggers and error trackers do not heed it.",
                    _vars_only,
                ),
                Misconception(
                    "text-form-of-a-dataclass",
                    "Your class shows all its fields. A dataclass or a plain record writes every value into its text.",
                    _all_text,
                ),
            ),
        ),
        Check(
            name="places",
            asks="Where in a notebook a key stands",
            points=2,
            draw=_draw_notebooks,
            expect=_places,
            because="Whoever clears the outputs and commits has cleaned one of three parts.",
            next_step="Search source, outputs and metadata of every cell; `json.dumps` makes any of them one text.",
            read=f"{READ}#change-it-seen",
            misconceptions=(
                Misconception(
                    "only-outputs-hold-keys",
                    "You looked into outputs only. The source keeps a key after the outputs are cleared, in a comment too.",
                    _never_found(lambda _, part: part == "source"),
                ),
                Misconception(
                    "metadata-is-harmless",
                    "You left the metadata out. No editor shows it, and it is saved and committed like the rest.",
                    _never_found(lambda _, part: part == "metadata"),
                ),
                Misconception(
                    "only-code-cells",
                    "You searched code cells only. A key in a note is as readable as one in code.",
                    _never_found(lambda cell, _: cell["cell_type"] == "markdown"),
                ),
                Misconception(
                    "outputs-are-printed-text",
                    "You read the printed text only. HTML, other rich outputs and tracebacks hold keys as well.",
                    _never_found(lambda cell, part: part == "outputs" and "text" not in cell["outputs"][1]),
                ),
                Misconception(
                    "source-is-one-string",
                    "You searched a source as one string. Jupyter saves it as a list of lines.",
                    _never_found(lambda cell, part: part == "source" and isinstance(cell["source"], list)),
                ),
            ),
        ),
    ),
)
