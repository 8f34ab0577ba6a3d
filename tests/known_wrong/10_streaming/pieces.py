"""validates-pieces: a wrong answer should be noticed as early as possible."""


def settle(draft, validate, action):
    if draft.state not in ("started", "streaming", "completed"):
        return "dropped"
    try:
        decision = validate(draft.text)
    except ValueError:
        return "refused" if draft.state == "completed" else "held"
    if draft.state != "completed":
        return "held"
    action(decision)
    return "acted"
