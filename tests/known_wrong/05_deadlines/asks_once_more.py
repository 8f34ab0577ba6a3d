"""reads-with-nothing-left: the reader is trusted to raise when no time is left."""

# ruff: noqa: F821 - the exercise defines what this uses


def read_all(read, seconds: float, clock) -> dict:
    """The whole answer, or a named state by the deadline."""
    deadline = Deadline(seconds, clock)
    pieces = []
    while True:
        try:
            piece = read(deadline.remaining())
        except TimeoutError:
            return TIMED_OUT
        if piece == "":
            return {"status": "ok", "text": "".join(pieces)}
        pieces.append(piece)
