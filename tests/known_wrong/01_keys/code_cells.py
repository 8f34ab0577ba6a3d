"""only-code-cells: notes are prose, and prose is thought to hold no keys."""

import json


def places(notebook):
    return [
        (number, part)
        for number, cell in enumerate(notebook["cells"])
        if cell["cell_type"] == "code"
        for part in ("source", "outputs", "metadata")
        if KEY.search(json.dumps(cell.get(part)))  # noqa: F821 - defined by the exercise
    ]
