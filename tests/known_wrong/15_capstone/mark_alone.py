"""mark-is-enough: the end mark came, so the text is whole."""


def draft(events):
    state, text = "streaming", ""
    shown = []
    for event in events:
        kind = event["kind"]
        if state == "streaming":
            if kind == "delta":
                text += event["text"]
            elif kind == "done":
                state = "complete"
            elif kind in ("error", "closed"):
                state = "failed" if kind == "error" else "interrupted"
        shown.append((state, text, state == "complete"))
    return shown
