"""Recall questions from the manifest, ready for the first cell of a lesson.

A question that lives in one notebook only is never asked again. These live with the lesson they are about,
so that later notebooks and the review can ask them::

    ask("00-after-429", "01-masking")
"""

from __future__ import annotations

from labkit.lab.lessons import recall_question
from labkit.lab.widgets.base import Recall, Together


def ask(*names: str) -> Together:
    """Show these questions, each with its answer behind a button."""
    asked = [recall_question(name) for name in names]
    return Together([Recall(q.ask, q.answer, name=q.name, source=q.source) for q in asked])
