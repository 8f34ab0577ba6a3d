"""metadata-is-harmless: what the editor does not show is not searched."""

import json


def places(notebook):
    return [
        (number, part)
        for number, cell in enumerate(notebook["cells"])
        for part in ("source", "outputs")
        if KEY.search(json.dumps(cell.get(part)))  # noqa: F821 - defined by the exercise
    ]
