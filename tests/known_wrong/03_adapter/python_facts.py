"""facts-as-python: a dictionary in an f-string looks like JSON."""


def user_message(lines: list[tuple[str, str]], facts: dict, question: str) -> str:
    """Policy lines, then facts, then the question."""
    policy = "\n".join(f"{name}: {' '.join(text.split())}" for name, text in lines)
    known = dict(sorted(facts.items()))
    return f"Policy lines:\n{policy}\n\nAccount facts:\n{known}\n\nQuestion:\n{question}"
