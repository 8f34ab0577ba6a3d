"""any-value-will-do: an object was asked for, so what comes is one."""

import json


def read_json(text):
    def no_name_twice(pairs):
        if len(dict(pairs)) != len(pairs):
            raise ValueError("twice")
        return dict(pairs)

    def no_constant(name):
        raise ValueError(name)

    return json.loads(text, object_pairs_hook=no_name_twice, parse_constant=no_constant)
