"""words-are-enough: the second rule is forgotten, so a row of x is a key."""


def is_placeholder(value):
    return any(word in value.lower() for word in WORDS)  # noqa: F821 - defined by the exercise
