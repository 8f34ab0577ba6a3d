"""outputs-are-printed-text: of all outputs only what `print` wrote is read."""

import json


def places(notebook):
    found = []
    for number, cell in enumerate(notebook["cells"]):
        printed = [output.get("text") for output in cell.get("outputs", [])]
        parts = {"source": cell["source"], "outputs": printed, "metadata": cell["metadata"]}
        found += [(number, part) for part, value in parts.items() if KEY.search(json.dumps(value))]  # noqa: F821
    return found
