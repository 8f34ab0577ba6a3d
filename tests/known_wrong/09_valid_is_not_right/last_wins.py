"""the-last-one-wins: json.loads refuses what is not JSON, and a name that stands twice is JSON."""

import json


def read_json(text):
    def no_constant(name):
        raise ValueError(name)

    value = json.loads(text, parse_constant=no_constant)
    if type(value) is not dict:
        raise ValueError("not an object")
    return value
