"""repairs-the-types: values are converted until the contract takes them."""

# ruff: noqa: F821 - the exercise defines what this uses


def read_request(data: dict) -> Request:
    """A request from outside, or a ValueError that names what is wrong with it."""
    known = list(Request.__dataclass_fields__)
    required = known[:6]
    wrong = [name for name in data if name not in known] + [name for name in required if name not in data]
    if wrong:
        raise ValueError(f"unknown or missing: {', '.join(wrong)}")
    data = {**data, "max_retries": int(data.get("max_retries", 2))}
    data["timeout_seconds"] = float(data.get("timeout_seconds", 20.0))
    lines = data["policy_line_ids"]
    return Request(**{**data, "policy_line_ids": tuple(lines) if isinstance(lines, list) else lines})
