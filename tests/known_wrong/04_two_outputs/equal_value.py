"""equal-is-enough: the value is compared, and Python's numbers are equal across types."""

# ruff: noqa: F821 - the exercise defines what this uses


def reason_against(answer: dict, line_id: str, days: int) -> str | None:
    """Why an answer cannot be accepted, or None."""
    if answer["decision"] not in DECISIONS:
        return "decision"
    if answer["source_line_ids"] != [line_id]:
        return "citation"
    window = answer["rotation_window_days"]
    if window != days:
        return "window"
    return None
