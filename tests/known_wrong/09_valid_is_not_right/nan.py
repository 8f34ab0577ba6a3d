"""nan-is-json: what json.loads takes is JSON."""

import json


def read_json(text):
    def no_name_twice(pairs):
        if len(dict(pairs)) != len(pairs):
            raise ValueError("twice")
        return dict(pairs)

    value = json.loads(text, object_pairs_hook=no_name_twice)
    if type(value) is not dict:
        raise ValueError("not an object")
    return value
