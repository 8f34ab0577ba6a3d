"""any-window: an integer where an integer is wanted is thought to be right."""

# ruff: noqa: F821 - the exercise defines what this uses


def reason_against(answer: dict, line_id: str, days: int) -> str | None:
    """Why an answer cannot be accepted, or None."""
    if answer["decision"] not in DECISIONS:
        return "decision"
    if answer["source_line_ids"] != [line_id]:
        return "citation"
    window = answer["rotation_window_days"]
    if type(window) is not int:
        return "window"
    return None
