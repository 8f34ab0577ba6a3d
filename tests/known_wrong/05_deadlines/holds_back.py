"""questions-need-keys: unknown is unknown, so nothing is repeated."""


def after_timeout(events: list[str], acts: bool) -> tuple[str, str]:
    """What is known about the work, and whether the request may be repeated."""
    known = "unknown" if "sent" in events else "not_done"
    return known, "same_key_only" if known == "unknown" else "repeat"
