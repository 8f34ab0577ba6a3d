"""Reading a batch's input file, line by line, with every fault that makes the batch fail.

One bad line fails the whole batch, hours later, so the reasons must name the line.

    lines, errors = read_lines(content, "/v1/chat/completions")
    errors[0].as_dict()   # {"code": "duplicate_custom_id", "line": 7, …}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

MOST_REQUESTS = 50_000
MOST_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One request of a batch."""

    custom_id: str
    url: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadLine:
    """Why the batch fails. `line` counts from 1; None is the file as a whole."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """One entry of `errors.data`."""
        return {"code": self.code, "message": self.message, "line": self.line, "param": self.param}


def read_lines(content: bytes, endpoint: str) -> tuple[list[Line], list[BadLine]]:
    """Every request of the file, and every reason why it is refused."""
    if len(content) > MOST_BYTES:
        return [], [BadLine("file_too_large", "The input file is larger than 200 MB.")]
    rows = [(number, row) for number, row in enumerate(content.split(b"\n"), 1) if row.strip()]
    if not rows:
        return [], [BadLine("empty_file", "The input file holds no requests.")]
    if len(rows) > MOST_REQUESTS:
        return [], [
            BadLine("too_many_requests", f"The file holds {len(rows)} requests; at most {MOST_REQUESTS}.")
        ]
    lines: list[Line] = []
    errors: list[BadLine] = []
    seen: set[str] = set()
    for number, row in rows:
        line = _read(row, number, endpoint)
        if isinstance(line, BadLine):
            errors.append(line)
        elif line.custom_id in seen:
            errors.append(BadLine("duplicate_custom_id", "This custom_id came before.", number, "custom_id"))
        else:
            seen.add(line.custom_id)
            lines.append(line)
    return lines, errors


def _read(row: bytes, number: int, endpoint: str) -> Line | BadLine:
    try:
        data = json.loads(row)
    except (ValueError, RecursionError):
        return BadLine("invalid_json_line", "This line is not valid JSON.", number)
    if not isinstance(data, dict):
        return BadLine("invalid_json_line", "This line is not a JSON object.", number)
    for name, kind in (("custom_id", str), ("method", str), ("url", str), ("body", dict)):
        if not isinstance(data.get(name), kind) or not data[name]:
            return BadLine(
                "missing_required_parameter", f"'{name}' is missing or of the wrong type.", number, name
            )
    if data["method"] != "POST":
        return BadLine("invalid_method", "'method' must be POST.", number, "method")
    if data["url"] != endpoint:
        return BadLine(
            "mismatched_endpoint", f"'url' must be the batch's endpoint {endpoint}.", number, "url"
        )
    return Line(data["custom_id"], data["url"], data["body"])
