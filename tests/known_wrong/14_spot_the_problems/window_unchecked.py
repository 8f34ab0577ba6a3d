"""window-unchecked: the citation is known, so the number beside it is believed."""


def may_act(answer, lines):
    cited = answer.get("source_line_ids") or []
    known = bool(cited) and all(line in lines for line in cited)
    return answer.get("decision") == "eligible" and type(answer.get("rotation_window_days")) is int and known
