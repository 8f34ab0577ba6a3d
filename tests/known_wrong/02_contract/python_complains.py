"""pythons-own-error: `Request(**data)` raises something on wrong names, and that is thought to do."""

# ruff: noqa: F821 - the exercise defines what this uses


def read_request(data):
    lines = data["policy_line_ids"]
    return Request(**{**data, "policy_line_ids": tuple(lines) if isinstance(lines, list) else lines})
