"""reason-is-the-end: the finish reason comes last, so it is the end."""


def draft(events):
    state, text, reason = "streaming", "", None
    shown = []
    for event in events:
        kind = event["kind"]
        if state == "streaming":
            if kind == "delta":
                text += event["text"]
            elif kind == "finish":
                reason = event["reason"]
                state = "complete" if reason == "stop" else "truncated"
            elif kind == "done":
                state = "complete" if reason == "stop" else "truncated"
            elif kind in ("error", "closed"):
                state = "failed" if kind == "error" else "interrupted"
        shown.append((state, text, state == "complete"))
    return shown
