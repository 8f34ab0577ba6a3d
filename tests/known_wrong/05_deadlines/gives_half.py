"""half-is-an-answer: something is thought to be better than nothing."""

# ruff: noqa: F821 - the exercise defines what this uses


def read_all(read, seconds: float, clock) -> dict:
    """The whole answer, or a named state by the deadline."""
    deadline = Deadline(seconds, clock)
    pieces = []
    while not deadline.expired():
        try:
            piece = read(deadline.remaining())
        except TimeoutError:
            return {"status": "ok", "text": "".join(pieces)}
        if piece == "":
            return {"status": "ok", "text": "".join(pieces)}
        pieces.append(piece)
    return {"status": "ok", "text": "".join(pieces)}
