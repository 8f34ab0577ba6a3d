"""decodes-each-chunk: what cannot be decoded is replaced, so that nothing raises."""


class Events:
    def __init__(self):
        self.rest = ""

    def feed(self, chunk):
        *blocks, self.rest = (self.rest + chunk.decode(errors="replace")).split("\n\n")
        found = [[line[5:] for line in block.split("\n") if line.startswith("data:")] for block in blocks]
        return ["\n".join(line.removeprefix(" ") for line in data) for data in found if data]
