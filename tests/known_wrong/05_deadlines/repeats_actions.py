"""actions-repeat-like-questions: a retry is a retry, whatever it is for."""


def after_timeout(events: list[str], acts: bool) -> tuple[str, str]:
    """What is known about the work, and whether the request may be repeated."""
    known = "unknown" if "sent" in events else "not_done"
    return known, "repeat"
