"""purpose-glued-on: the purpose in front of the text makes another text of it."""


def fingerprint_for(purpose, text, master_key):
    return fingerprint(f"{purpose}:{text}", master_key)  # noqa: F821 - defined by the exercise
