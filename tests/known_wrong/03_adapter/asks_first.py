"""question-first: a question is asked first, and then explained."""

import json


def user_message(lines: list[tuple[str, str]], facts: dict, question: str) -> str:
    """Policy lines, then facts, then the question."""
    policy = "\n".join(f"{name}: {' '.join(text.split())}" for name, text in lines)
    known = json.dumps(facts, sort_keys=True)
    return f"Question:\n{question}\n\nPolicy lines:\n{policy}\n\nAccount facts:\n{known}"
