"""The process that runs a submission: cells in, observations out, one frame of strict JSON.

    {"cells": ["…"], "exercise": "06", "cases": {…}}   ->   {"observations": {…}, "errors": […]}

Nothing that this process says is a verdict. It may be lying; the judge asks what only right code can answer.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import sys
from typing import Any, BinaryIO

from labkit.lab.grading.observe import CELLS_SECONDS, SECONDS, observations, run_cells

MOST_RESULT = 4 * 1024 * 1024
MARK = b"LABKIT-OBSERVED "
UNDER_TMP = "LABKIT_UNDER_TMP"  # places that the sandbox shows and that lie under /tmp


def answer(plan: dict[str, Any]) -> dict[str, Any]:
    """Run the cells, ask the probes, and give what was seen."""
    probes = importlib.import_module(f"labkit.lab.grading.bank.probes.e{plan['exercise']}").PROBES
    os.environ["LABKIT_OBSERVING"] = "1"  # check() in the notebook stays quiet: nothing is judged in here
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code, errors = run_cells(plan["cells"], seconds=plan.get("cell_seconds", CELLS_SECONDS))
        seen = observations(code, probes, plan["cases"], plan.get("seconds", SECONDS))
    return {"observations": seen, "errors": errors}


def frame(result: dict[str, Any]) -> bytes:
    """One result: a mark, its length, and JSON."""
    body = json.dumps(result, allow_nan=False).encode()
    return MARK + b"%d\n" % len(body) + body


def unframe(raw: bytes) -> dict[str, Any] | None:
    """The one result in what a child wrote, or None: two results, or half of one, are none."""
    if raw.count(MARK) != 1 or len(raw) > MOST_RESULT:
        return None
    length, _, body = raw[raw.index(MARK) + len(MARK) :].partition(b"\n")
    if not length.isdigit() or len(body) != int(length):
        return None
    try:
        result = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return result if isinstance(result, dict) else None


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Answer one plan."""
    plan = json.loads(source.read())
    target.write(frame(answer(plan)))
    target.flush()


if __name__ == "__main__":
    # The submission gets no descriptor that it knows of: the result's is moved away from 1 and 2.
    result = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    main(sys.stdin.buffer, result)
    os._exit(0)  # threads that the submission left behind do not keep us waiting
