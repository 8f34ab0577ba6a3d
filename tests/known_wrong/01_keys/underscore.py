"""underscore-hides: an attribute that nobody should read is read by every debugger."""


class Secret:
    def __init__(self, name, value):
        self.name = name
        self._value = value

    def reveal(self):
        return self._value

    def __repr__(self):
        return f"Secret({self.name})"
