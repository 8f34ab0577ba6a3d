"""closed-is-complete: nothing more comes, so that was all."""


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
            elif kind == "done":
                state = "complete" if reason == "stop" else "truncated"
            elif kind in ("error", "closed"):
                state = "failed" if kind == "error" else "complete"
        shown.append((state, text, state == "complete"))
    return shown
