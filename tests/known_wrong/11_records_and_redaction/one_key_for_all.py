"""one-key-for-all: one good key is enough for everything."""


def fingerprint_for(purpose, text, master_key):
    return fingerprint(text, master_key)  # noqa: F821 - defined by the exercise
