"""mask-in-repr: the object shows the ends of the key, to tell two objects apart."""


class Secret:
    def __init__(self, name, value):
        self.name = name
        self.reveal = lambda: value

    def __repr__(self):
        return f"Secret({self.name}, {self.reveal()[:8]}…{self.reveal()[-4:]})"
