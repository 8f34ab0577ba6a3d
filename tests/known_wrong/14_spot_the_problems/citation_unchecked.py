"""citation-unchecked: the window is one of ours, so the source is believed."""


def may_act(answer, lines):
    window = answer.get("rotation_window_days")
    return answer.get("decision") == "eligible" and type(window) is int and window in lines.values()
