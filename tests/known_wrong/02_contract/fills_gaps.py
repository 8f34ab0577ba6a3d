"""fills-the-gaps: a missing field gets a harmless value."""

# ruff: noqa: F821 - the exercise defines what this uses
DEFAULTS = {
    "task": "decide_rotation",
    "account_id": "unknown",
    "policy_line_ids": [],
    "customer_question": "?",
    "trace_id": "none",
    "prompt_version": "rotation_decision@1",
}


def read_request(data: dict) -> Request:
    """A request from outside, or a ValueError that names what is wrong with it."""
    data = {**DEFAULTS, **data}
    known = list(Request.__dataclass_fields__)
    required = known[:6]
    wrong = [name for name in data if name not in known] + [name for name in required if name not in data]
    if wrong:
        raise ValueError(f"unknown or missing: {', '.join(wrong)}")
    lines = data["policy_line_ids"]
    return Request(**{**data, "policy_line_ids": tuple(lines) if isinstance(lines, list) else lines})
