"""zero-is-unknown: `or None` is added to be safe, and takes a reported 0 away."""


def tokens(reply: dict) -> tuple[int | None, int | None]:
    """Input and output tokens, as far as they are known."""
    usage = reply.get("usage") or {}
    return usage.get("input_tokens") or None, usage.get("output_tokens") or None
