"""text-of-the-error: `repr` gives the type, so it is safe."""


def error_types(error):
    found = []
    while error is not None:
        found.append(repr(error))
        error = error.__cause__
    return found
