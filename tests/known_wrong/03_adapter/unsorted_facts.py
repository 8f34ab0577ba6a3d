"""facts-unsorted: a dictionary keeps its order, so the order is thought to be stable."""

import json


def user_message(lines: list[tuple[str, str]], facts: dict, question: str) -> str:
    """Policy lines, then facts, then the question."""
    policy = "\n".join(f"{name}: {' '.join(text.split())}" for name, text in lines)
    known = json.dumps(facts)
    return f"Policy lines:\n{policy}\n\nAccount facts:\n{known}\n\nQuestion:\n{question}"
