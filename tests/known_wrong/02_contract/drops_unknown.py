"""drops-the-unknown: what is not needed is left out, to be liberal in what is accepted."""

# ruff: noqa: F821 - the exercise defines what this uses


def read_request(data):
    known = Request.__dataclass_fields__
    missing = [name for name in list(known)[:6] if name not in data]
    if missing:
        raise ValueError(f"missing: {', '.join(missing)}")
    values = {name: value for name, value in data.items() if name in known}
    lines = values["policy_line_ids"]
    return Request(**{**values, "policy_line_ids": tuple(lines) if isinstance(lines, list) else lines})
