"""changes-what-it-reads: the ids are converted in place, in the dictionary of the caller."""

# ruff: noqa: F821 - the exercise defines what this uses


def read_request(data: dict) -> Request:
    """A request from outside, or a ValueError that names what is wrong with it."""
    known = list(Request.__dataclass_fields__)
    required = known[:6]
    wrong = [name for name in data if name not in known] + [name for name in required if name not in data]
    if wrong:
        raise ValueError(f"unknown or missing: {', '.join(wrong)}")
    lines = data["policy_line_ids"]
    if isinstance(lines, list):
        data["policy_line_ids"] = tuple(lines)
    return Request(**data)
