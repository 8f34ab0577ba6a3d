"""unknown-is-zero: a number is wanted, so what is missing counts as 0."""


def tokens(reply: dict) -> tuple[int | None, int | None]:
    """Input and output tokens, as far as they are known."""
    usage = reply.get("usage") or {}
    return usage.get("input_tokens", 0), usage.get("output_tokens", 0)
