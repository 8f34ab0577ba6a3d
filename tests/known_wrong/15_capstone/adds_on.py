"""goes-on: every delta belongs to the text."""


def draft(events):
    state, text, reason = "streaming", "", None
    shown = []
    for event in events:
        kind = event["kind"]
        if kind == "delta":
            text += event["text"]
        if state == "streaming":
            if kind == "finish":
                reason = event["reason"]
            elif kind == "done":
                state = "complete" if reason == "stop" else "truncated"
            elif kind in ("error", "closed"):
                state = "failed" if kind == "error" else "interrupted"
        shown.append((state, text, state == "complete"))
    return shown
