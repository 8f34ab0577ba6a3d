"""text-form-of-a-dataclass: the shortest class is taken, and it writes its fields into its text."""

from dataclasses import dataclass


@dataclass
class Secret:
    name: str
    value: str

    def reveal(self):
        return self.value
