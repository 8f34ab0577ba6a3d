"""str-only: printing is made safe, and the object is then put into a list."""


class Secret:
    def __init__(self, name, value):
        self.name = name
        self.reveal = lambda: value

    def __str__(self):
        return f"Secret({self.name})"

    def __repr__(self):
        return f"Secret({self.name!r}, {self.reveal()!r})"
