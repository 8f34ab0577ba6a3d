"""The practice model's scan summary, and its answer to any schema it does not know.

Only the rotation decision has a rule to follow. A scan summary is built from the findings that stand in the
facts; an unknown schema gets the smallest value that satisfies it, so that your own experiments work too.

    scan_summary(prompt)["finding_ids"]   # the ids that stood in the facts, in order
    sample({"type": "integer"})           # 0
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.lab.provider.prompt import Prompt


def scan_summary(prompt: Prompt) -> dict[str, Any]:
    """Summarise the findings in the facts: a list of objects with an `id`, under "findings"."""
    findings = prompt.facts.get("findings")
    rows = [row for row in findings if isinstance(row, Mapping)] if isinstance(findings, list) else []
    ids = [str(row["id"]) for row in rows if "id" in row]
    text = f"The scan reports {len(ids)} finding{'' if len(ids) == 1 else 's'}: {', '.join(ids) or 'none'}."
    return _shaped(prompt, {"summary": text, "finding_ids": ids})


def _shaped(prompt: Prompt, known: dict[str, Any]) -> dict[str, Any]:
    """Keep to the caller's schema: its fields, with ours where the names meet."""
    wanted = (prompt.schema or {}).get("properties")
    if not wanted:
        return known
    return {name: known[name] if name in known else sample(part) for name, part in wanted.items()}


def sample(schema: Mapping[str, Any], depth: int = 0) -> Any:
    """The smallest value that fits a JSON schema."""
    if depth > 8:
        return None
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for union in ("anyOf", "oneOf"):
        if schema.get(union):
            return sample(schema[union][0], depth + 1)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object" or "properties" in schema:
        return {name: sample(part, depth + 1) for name, part in schema.get("properties", {}).items()}
    return {"integer": 0, "number": 0, "boolean": False, "array": [], "null": None}.get(str(kind), "")
