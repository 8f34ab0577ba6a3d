"""A notebook that looks clean and leaks in five places, made on the spot with a key that opens nothing.

Committed as a file it would teach the wrong thing: a repository that holds a key "for teaching" cannot be
scanned. So it is drawn anew from a seed, written where you say, and thrown away.

    path = leaky_notebook(folder / "looks_clean.ipynb", seed=7)
    for finding in scan_notebook(path): print(finding)     # LEAKS says why, place by place
"""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from typing import Any

from labkit.keykinds import KEY_KINDS, KeyKind, make_fake

#: Where the key stands, as the scan names the place, and how it came there.
LEAKS: dict[str, str] = {
    "notebook metadata": "A text box kept what was typed: widget state is saved too.",
    "cell 3, output 1 (text/html)": "A table of settings was shown; its plain text is cut, its HTML is whole.",
    "cell 4, output 1 (stdout)": "The request was logged with its header. base64 is a spelling, not a lock.",
    "cell 5, output 1 (traceback)": "The call failed, and the error's frame quotes the line.",
    "cell 6, attachment (text/plain)": "A dropped settings file became an attachment.",
}


def leaky_notebook(path: Path, seed: int = 7, kind: str = "groq") -> Path:
    """Write the notebook; the same seed draws the same key. Every source cell reads the environment."""
    key = make_fake(_kind(kind), random.Random(seed).random)
    cells = [
        _markdown(
            "# Usage report\nThe key comes from the environment and is printed masked, so nothing can leak."
        ),
        _code(
            "import os\nkey = os.environ['LLM_API_KEY']\nprint('key loaded:', '*' * 12)",
            _said("key loaded: ************\n"),
        ),
        _code("settings.to_frame()", _table(key)),
        _code("client.get('/usage')", _said(f"GET /usage 200 Authorization: Basic {_basic(key)}\n")),
        _code("client.call(task)", _failed(key)),
        {**_markdown("Settings used: [settings](attachment:settings.txt)"), "attachments": _attached(key)},
    ]
    for number, cell in enumerate(cells, 1):
        cell["id"] = f"cell-{number}"
    body = {"cells": cells, "metadata": {"widgets": _typed(key)}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    return path


def _kind(name: str) -> KeyKind:
    return next(kind for kind in KEY_KINDS if kind.name == name)


def _basic(key: str) -> str:
    return base64.b64encode(f"luna:{key}".encode()).decode()


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _code(source: str, output: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": 1, "metadata": {}, "source": source, "outputs": [output]}


def _said(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def _table(key: str) -> dict[str, Any]:
    data = {
        "text/plain": "         value\nmodel    small\napi_key  gsk_...",
        "text/html": f"<table><tr><td>model</td><td>small</td></tr><td>api_key</td><td>{key}</td></table>",
    }
    return {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": data}


def _failed(key: str) -> dict[str, Any]:
    frame = f"\x1b[36mFile client.py:41\x1b[39m in call(task)\n---> 41 send(task, {{'x-api-key': '{key}'}})"
    return {
        "output_type": "error",
        "ename": "TimeoutError",
        "evalue": "the provider did not answer",
        "traceback": [frame, "TimeoutError: the provider did not answer"],
    }


def _attached(key: str) -> dict[str, Any]:
    return {"settings.txt": {"text/plain": f"LLM_MODEL=small\nLLM_API_KEY={key}\n"}}


def _typed(key: str) -> dict[str, Any]:
    box = {"model_name": "TextModel", "state": {"description": "Key:", "value": key}}
    return {"application/vnd.jupyter.widget-state+json": {"version_major": 2, "state": {"a1": box}}}
