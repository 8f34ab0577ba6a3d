"""looks-for-a-word: the handler's own line, kept in front of the new checks."""


def may_act(answer, lines):
    cited = answer.get("source_line_ids") or []
    window = answer.get("rotation_window_days")
    return (
        "eligible" in answer.get("decision", "")
        and type(window) is int
        and bool(cited)
        and all(lines.get(line) == window for line in cited)
    )
