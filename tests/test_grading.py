"""Observing and judging: what crosses is plain JSON, and no shape of it can fool or break the judge."""

from __future__ import annotations

import contextlib
import json
import time
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.lab.grading import bank
from labkit.lab.grading.child import frame, unframe
from labkit.lab.grading.feedback import as_html, as_text
from labkit.lab.grading.judge import decode, same
from labkit.lab.grading.notebook import MOST_BYTES, Unreadable, digest, read_notebook
from labkit.lab.grading.observe import Code, encode, observe, run_cells
from labkit.lab.grading.strip import BadMarks, strip_source

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["value", "missing", "raised", "text", "timeout", "dict", "tuple", "other", "set"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@given(seen=json_values)
def test_no_observation_breaks_the_judge(seen: Any) -> None:
    """Any JSON in place of observations gives a report, and points only for right answers."""
    exercise = bank.load("06")
    cases = exercise.draw(Random(0))
    for observations in ({"advice": seen}, {"advice": [seen] * 10, "attempts": seen, "kind": [seen]}):
        report = exercise.judge(cases, observations)
        assert 0 == report.points
        assert as_text(report)
        assert as_html(report)


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        (1, True),
        (0, False),
        (1, 1.0),
        ((1,), [1]),
        ("1", 1),
        ({"a": 1}, {"a": True}),
        ([], ()),
        (None, False),
    ],
)
def test_types_are_exact(wanted: Any, got: Any) -> None:
    """What Python calls equal is not always the same."""
    assert not same(encode(wanted), encode(got))
    assert same(encode(wanted), encode(wanted))


def test_a_stub_is_missing() -> None:
    """What nobody has written yet is not judged as if somebody had thought something."""
    source = """
def bare(a, b=1): ...
def told(a): "Says what it does."
class Empty:
    "A class to come."
    ...
def one(): return 1
def two():
    "Two."
    return 2
class Full:
    x = 1
class Child(Full): ...
"""
    code, errors = run_cells([source])
    assert not errors
    for name in ("bare", "told", "Empty"):
        assert {"missing": name} == observe(code, getattr, name)
    for name in ("one", "two", "Full", "Child"):
        assert "value" in observe(code, getattr, name)


def test_what_was_encoded_can_be_read_again() -> None:
    """A misconception is a pattern in values, and is easier to see in Python's own."""
    for value in (1, True, None, "a", [1, (2, 3)], {"a": {"b": (1,)}, 2: [None]}, {1, 2}, 0.5):
        assert value == decode(encode(value))
        assert type(value) is type(decode(encode(value)))


def test_a_dict_is_the_same_in_any_order() -> None:
    """Python says so, and a learner need not guess our order. A list keeps its order."""
    assert same(encode({"a": {"x": 1, "y": [2]}, "b": 2}), encode({"b": 2, "a": {"y": [2], "x": 1}}))
    assert not same(encode({"a": 1, "b": 2}), encode({"a": 2, "b": 1}))
    assert not same(encode([1, 2]), encode([2, 1]))


def test_an_object_that_equals_everything_equals_nothing() -> None:
    """An `__eq__` that is always true stays in its process; its type's name is what crosses."""

    class Yes:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return True

    assert not same(encode("eligible"), json.loads(json.dumps(encode(Yes()))))


class Sly(str):
    """Text that claims to be other text."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __str__(self) -> str:
        return "eligible"


def test_text_is_taken_at_its_word() -> None:
    """A subclass of str crosses as the characters that it holds."""
    assert "not_eligible" == encode(Sly("not_eligible"))


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ((1, True, "a", None, 0.5), {"tuple": [1, True, "a", None, 0.5]}),
        ({"b": [1]}, {"dict": [["b", [1]]]}),
        ({2, 1}, {"set": [1, 2]}),
        (Decimal("0.50"), {"other": "Decimal", "text": "0.50"}),
        (float("nan"), {"other": "float", "text": "nan"}),
        (10**40, {"other": "int", "text": "huge"}),
    ],
)
def test_what_crosses(value: Any, encoded: Any) -> None:
    """Exact types, in strict JSON."""
    assert encoded == json.loads(json.dumps(encode(value), allow_nan=False))


def test_a_value_without_end_is_cut() -> None:
    """A list that holds itself, and one with a million items, cross in a bounded size."""
    endless: list[Any] = []
    endless.append(endless)
    assert len(json.dumps(encode(endless))) < 1000
    assert len(json.dumps(encode(list(range(10**6))))) < 10_000


def test_questions_have_a_time_limit() -> None:
    """An endless loop is an observation; a bare except does not swallow the alarm."""
    loop = """
def forever(x):
    while True:
        try:
            while True: pass
        except Exception:
            pass
"""
    code, _ = run_cells([loop])
    began = time.monotonic()
    assert {"timeout": 0.2} == observe(code, lambda code, case: code.forever(case), 1, seconds=0.2)
    assert time.monotonic() - began < 2.0


def test_what_is_missing_is_said() -> None:
    """A name that the notebook lacks is an observation with that name."""
    assert {"missing": "advice"} == observe(Code({}), lambda code, case: code.advice(), None)


@pytest.mark.parametrize("error", ["1 / 0", "raise SystemExit(3)", "import sys; sys.exit('bye')", "exit()"])
def test_what_is_raised_is_said(error: str) -> None:
    """Errors and exits are observations too."""
    code, errors = run_cells([error, "after = 1"])
    assert 1 == code.after
    assert 1 == len(errors)
    assert errors[0].startswith("cell 1: ")


@pytest.mark.parametrize(
    "cell",
    [
        "%matplotlib inline\nx = 1",
        "!ls -la\nx = 1",
        "x = 1\nx?",
        "import asyncio\nawait asyncio.sleep(0)\nx = 1",
        "x = 1\r\nif x:\r\n    y = 2\r\n",
        "async def f():\n    return 1\nx = await f()",
    ],
)
def test_cells_run_as_in_a_notebook(cell: str) -> None:
    """Magics and shell lines are left out, top-level await works, Windows line ends too."""
    code, errors = run_cells([cell.replace("\r\n", "\n")])
    assert (1, []) == (code.x, errors)


def notebook(cells: list[Any], **rest: Any) -> bytes:
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}, **rest}).encode()


CELL = {"cell_type": "code", "source": ["a = 1\n", "b = 2"], "metadata": {}, "outputs": []}


@pytest.mark.parametrize(
    "raw",
    [
        notebook([CELL]),
        b"\xef\xbb\xbf" + notebook([CELL]),
        notebook([CELL]).decode().encode("utf-16"),
        notebook([{"cell_type": "markdown", "source": "x"}, CELL, 3, None, {"cell_type": "code"}]).replace(
            b', {"cell_type": "code"}', b""
        ),
        json.dumps(
            {"worksheets": [{"cells": [{"cell_type": "code", "input": "a = 1\nb = 2"}]}], "nbformat": 3}
        ).encode(),
        notebook([CELL], metadata=3, nbformat="x"),
    ],
)
def test_odd_notebooks_are_read(raw: bytes) -> None:
    """Old formats, other encodings, broken metadata and stray cells cost nothing."""
    assert ["a = 1\nb = 2"] == read_notebook(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"cells": 3}',
        b"\xff\xfe\x00",
        b"[" * 10**5,
        b"x" * (MOST_BYTES + 1),
    ],
)
def test_what_is_no_notebook_says_so(raw: bytes) -> None:
    """A clear error, whatever the bytes."""
    with pytest.raises(Unreadable):
        read_notebook(raw)


@given(raw=st.binary(max_size=50) | json_values.map(json.dumps).map(str.encode))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    """Code cells, or `Unreadable`."""
    with contextlib.suppress(Unreadable):
        assert all(isinstance(cell, str) for cell in read_notebook(raw))


def test_the_digest_names_the_work() -> None:
    """Outputs and metadata do not change it; code does."""
    other = {**CELL, "outputs": [{"output_type": "stream", "text": "x"}], "metadata": {"tags": ["x"]}}
    assert digest(read_notebook(notebook([CELL]))) == digest(read_notebook(notebook([other])))
    assert digest(["a"]) != digest(["b"])


def test_one_frame_is_accepted() -> None:
    """A forged second result, a half one, and noise are no result."""
    whole = frame({"observations": {}})
    assert {"observations": {}} == unframe(whole)
    assert {"observations": {}} == unframe(b"noise\n" + whole)
    for forged in (
        whole + whole,
        whole[:-1],
        whole + b"x",
        b"",
        b"LABKIT-OBSERVED x\n{}",
        frame({})[:-2] + b"[]",
    ):
        assert unframe(forged) is None


def test_marks_must_pair() -> None:
    """A solution cannot be handed out by a forgotten mark."""
    assert "def f():\n    ...  # your code here\n" == strip_source(
        "def f():\n    # BEGIN SOLUTION\n    return 1\n    # END SOLUTION\n"
    )
    for broken in ("# BEGIN SOLUTION\nx = 1\n", "x = 1\n# END SOLUTION\n"):
        with pytest.raises(BadMarks):
            strip_source(broken)


def test_check_in_a_kernel() -> None:
    """`check` reads the caller's names and shows a table, in words before colours."""
    from labkit.lab import check

    namespace: dict[str, Any] = {"check": check}
    exec("def advice(status, kind):\n    return 1\nshown = check('6')", namespace)
    shown = namespace["shown"]
    html = shown._repr_mimebundle_()["text/html"]
    assert not shown.passed
    assert "✗ not yet" in html
    assert "<th scope" in html
    assert "expected: 'retry_with_backoff'" in repr(shown)


def test_check_is_quiet_where_a_notebook_is_graded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No verdict is made beside a submission."""
    from labkit.lab import check

    monkeypatch.setenv("LABKIT_OBSERVING", "1")
    assert "outside" in repr(check("06", {}))


def test_an_unknown_exercise_is_named() -> None:
    """The message lists those that there are."""
    with pytest.raises(bank.UnknownExercise, match="06"):
        bank.load("77")


def test_probes_hold_no_judge() -> None:
    """What goes beside a submission imports nothing that knows an answer."""
    for path in (Path(bank.__file__).parent / "probes").glob("*.py"):
        text = path.read_text("utf-8")
        assert "judge" not in text
        assert "labkit.failures" not in text
