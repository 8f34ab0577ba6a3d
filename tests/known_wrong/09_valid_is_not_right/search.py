"""repair-by-search: models like to add a fence or a remark, so the object is cut out of the text."""

import json
import re


def read_json(text):
    def no_name_twice(pairs):
        if len(dict(pairs)) != len(pairs):
            raise ValueError("twice")
        return dict(pairs)

    def no_constant(name):
        raise ValueError(name)

    found = re.search(r"\{.*\}", text, re.DOTALL)
    if found is None:
        raise ValueError("no object")
    return json.loads(found[0], object_pairs_hook=no_name_twice, parse_constant=no_constant)
