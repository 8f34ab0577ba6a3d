"""timeout-escapes: the reader's exception is thought to be the named state."""

# ruff: noqa: F821 - the exercise defines what this uses


def read_all(read, seconds, clock):
    deadline = Deadline(seconds, clock)
    pieces = []
    while not deadline.expired():
        piece = read(deadline.remaining())
        if piece == "":
            return {"status": "ok", "text": "".join(pieces)}
        pieces.append(piece)
    return TIMED_OUT
