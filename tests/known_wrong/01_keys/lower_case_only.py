"""case-matters: the words are written in lower case, so only lower case is found."""


def is_placeholder(value):
    return len(set(value.lower())) < 6 or any(word in value for word in WORDS)  # noqa: F821 - see above
