"""connected-means-sent: a connection was made, so the provider may be at work."""


def after_timeout(events: list[str], acts: bool) -> tuple[str, str]:
    """What is known about the work, and whether the request may be repeated."""
    known = "unknown" if "connected" in events else "not_done"
    return known, "same_key_only" if acts and known == "unknown" else "repeat"
