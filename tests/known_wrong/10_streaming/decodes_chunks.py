"""decodes-each-chunk: text is easier to work with than bytes, so the chunk is decoded first."""


class Events:
    def __init__(self):
        self.rest = ""

    def feed(self, chunk):
        *blocks, self.rest = (self.rest + chunk.decode()).split("\n\n")
        found = [[line[5:] for line in block.split("\n") if line.startswith("data:")] for block in blocks]
        return ["\n".join(line.removeprefix(" ") for line in data) for data in found if data]
