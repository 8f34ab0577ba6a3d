"""source-is-one-string: a list of lines is not looked into."""

import json


def places(notebook):
    found = []
    for number, cell in enumerate(notebook["cells"]):
        source = cell["source"] if isinstance(cell["source"], str) else ""
        parts = {"source": source, "outputs": cell.get("outputs"), "metadata": cell["metadata"]}
        found += [(number, part) for part, value in parts.items() if KEY.search(json.dumps(value))]  # noqa: F821
    return found
