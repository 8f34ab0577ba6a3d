"""Two providers' payloads beside each other, leaf by leaf.

Printed one after the other, three payloads of sixty lines look all different. By leaf, most of what is in
them is the same text in another place::

    compare("openai", "anthropic")        # one row for each thing that the adapter has to say
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labkit.boundary import adapter_named
from labkit.contracts import Evidence, Task
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.connect import MODEL
from labkit.lab.present import Table
from labkit.prompts import prompt_for, user_message

KEY = "(the key)"  # stands in for a credential, so that the header's name and form can be shown


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every path into a JSON value that ends in no container, with what stands there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in inner:
        yield from leaves(below, f"{path}[{step}]" if isinstance(step, int) else f"{path}.{step}".lstrip("."))
    if not isinstance(value, dict | list):
        yield path, value


def facets(provider: str, task: Task = TASK, evidence: Evidence = EVIDENCE) -> dict[str, str]:
    """What one adapter makes of the task: for each thing to be said, where this provider wants it."""
    adapter = adapter_named(provider)
    request = adapter.request(task, evidence, MODEL)
    found = list(leaves(request.body))
    header = next(iter(adapter.auth_headers(KEY).items()))
    return {
        "path": request.path,
        "header with the key": f"{header[0]}: {header[1]}",
        "place of the instructions": _where(found, prompt_for(task).system),
        "place of policy lines, facts and question": _where(found, user_message(task, evidence)),
        "wording of the instructions": prompt_for(task).system.split("\n")[0] + " …",
        "wording of the policy line": user_message(task, evidence).split("\n")[1],
        "name of the limit on tokens": next(path for path, _ in found if "max" in path),
        "place of the answer's schema": next(
            path for path, _ in found if path.endswith(".properties.decision.type")
        ).removesuffix(".properties.decision.type"),
    }


def _where(found: list[tuple[str, Any]], text: str) -> str:
    return next((path for path, value in found if value == text), "nowhere")


def compare(left: str, right: str) -> Table:
    """The facets of two providers, and whether they differ."""
    one, other = facets(left), facets(right)
    return Table(
        [
            {
                "what": name,
                left: one[name],
                right: other[name],
                "compared": "same" if one[name] == other[name] else "differs",
            }
            for name in one
        ]
    )


def differing(*providers: str) -> list[str]:
    """The facets in which at least two of these providers differ."""
    made = [facets(provider) for provider in providers]
    return [name for name in made[0] if len({one[name] for one in made}) > 1]
