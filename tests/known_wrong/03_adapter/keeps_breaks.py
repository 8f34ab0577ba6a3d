"""line-breaks-kept: the text of a policy line goes in as it is."""

import json


def user_message(lines: list[tuple[str, str]], facts: dict, question: str) -> str:
    """Policy lines, then facts, then the question."""
    policy = "\n".join(f"{name}: {text}" for name, text in lines)
    known = json.dumps(facts, sort_keys=True)
    return f"Policy lines:\n{policy}\n\nAccount facts:\n{known}\n\nQuestion:\n{question}"
