"""strips-the-data: white space at the ends means nothing."""


class Events:
    def __init__(self):
        self.rest = b""

    def feed(self, chunk):
        *blocks, self.rest = (self.rest + chunk).split(b"\n\n")
        found = [
            [line[5:] for line in block.decode().split("\n") if line.startswith("data:")] for block in blocks
        ]
        return ["\n".join(line.strip() for line in data) for data in found if data]
