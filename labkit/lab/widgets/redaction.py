"""The redaction playground: type anything, put it anywhere, and see what reaches the log.

What a filter lets through is believed when it is one's own sentence that stands there::

    playground()
"""

from __future__ import annotations

from labkit.lab.loglines import PLACES, reaches_the_log
from labkit.lab.widgets.base import Explore, dropdown, textbox

SENTENCE = "My neighbour Rosalind saw my screen. Is acct_10234 safe?"


def playground(text: str = SENTENCE) -> Explore:
    """A text, a place to put it, and what three loggers write."""
    return Explore(
        reaches_the_log,
        question="What reaches the log?",
        text=textbox("The customer writes", text),
        place=dropdown("and the program puts it", list(PLACES), next(iter(PLACES))),
    )
