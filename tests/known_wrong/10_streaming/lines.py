"""a-line-is-an-event: every line with data: is one piece of the answer, as in most examples."""


class Events:
    def __init__(self):
        self.rest = b""

    def feed(self, chunk):
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        return [line[5:].decode().removeprefix(" ") for line in lines if line.startswith(b"data:")]
