"""acts-on-a-piece: as soon as the arguments are valid, the tool can be called."""


def settle(draft, validate, action):
    if draft.state not in ("started", "streaming", "completed"):
        return "dropped"
    try:
        decision = validate(draft.text)
    except ValueError:
        return "refused" if draft.state == "completed" else "held"
    action(decision)
    return "acted"
