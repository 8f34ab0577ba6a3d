"""Widgets over the figures and the core. The only package that imports ipywidgets."""

from labkit.lab import feed
from labkit.lab.widgets.base import (
    Card,
    Explore,
    Item,
    Predict,
    Recall,
    Reveal,
    Sorter,
    Step,
    Together,
    checkbox,
    dropdown,
    slider,
    subscribe,
    textbox,
)
from labkit.lab.widgets.quiz import Quiz
from labkit.lab.widgets.recall import ask
from labkit.lab.widgets.timeline import Stepper

subscribe(feed.heard)

__all__ = [
    "Card",
    "Explore",
    "Item",
    "Predict",
    "Quiz",
    "Recall",
    "Reveal",
    "Sorter",
    "Step",
    "Stepper",
    "Together",
    "ask",
    "checkbox",
    "dropdown",
    "slider",
    "subscribe",
    "textbox",
]
