"""a-chunk-is-an-event: the provider sends an event at a time, so that is how they arrive."""


class Events:
    def feed(self, chunk):
        blocks = chunk.decode(errors="ignore").split("\n\n")
        found = [[line[5:] for line in block.split("\n") if line.startswith("data:")] for block in blocks]
        return ["\n".join(line.removeprefix(" ") for line in data) for data in found if data]
