"""whole-value-only: stand-ins are looked up in a list of values."""


def is_placeholder(value):
    text = value.lower()
    return text in WORDS or len(set(text)) < 6  # noqa: F821 - defined by the exercise
