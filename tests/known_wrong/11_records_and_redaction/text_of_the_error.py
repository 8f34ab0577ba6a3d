"""text-of-the-error: an error that is logged without its text helps nobody."""


def error_types(error):
    found = []
    while error is not None:
        found.append(f"{type(error).__name__}: {error}")
        error = error.__cause__
    return found
