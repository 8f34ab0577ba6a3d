"""only-outputs-hold-keys: a notebook is clean when its outputs are."""

import json


def places(notebook):
    return [
        (number, part)
        for number, cell in enumerate(notebook["cells"])
        for part in ("outputs", "metadata")
        if KEY.search(json.dumps(cell.get(part)))  # noqa: F821 - defined by the exercise
    ]
