"""any-decision: the schema is trusted to allow only three words."""


def reason_against(answer: dict, line_id: str, days: int) -> str | None:
    """Why an answer cannot be accepted, or None."""
    if answer["source_line_ids"] != [line_id]:
        return "citation"
    window = answer["rotation_window_days"]
    if type(window) is not int or window != days:
        return "window"
    return None
