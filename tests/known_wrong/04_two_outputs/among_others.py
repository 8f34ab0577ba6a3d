"""cited-among-others: the line is cited, so the answer is supported."""

# ruff: noqa: F821 - the exercise defines what this uses


def reason_against(answer: dict, line_id: str, days: int) -> str | None:
    """Why an answer cannot be accepted, or None."""
    if answer["decision"] not in DECISIONS:
        return "decision"
    if line_id not in answer["source_line_ids"]:
        return "citation"
    window = answer["rotation_window_days"]
    if type(window) is not int or window != days:
        return "window"
    return None
