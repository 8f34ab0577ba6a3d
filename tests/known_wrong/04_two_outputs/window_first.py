"""any-order: the checks stand in another order, since all of them must hold anyway."""

# ruff: noqa: F821 - the exercise defines what this uses


def reason_against(answer, line_id, days):
    window = answer["rotation_window_days"]
    if type(window) is not int or window != days:
        return "window"
    if answer["source_line_ids"] != [line_id]:
        return "citation"
    if answer["decision"] not in DECISIONS:
        return "decision"
    return None
