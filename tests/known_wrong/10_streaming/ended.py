"""ended-means-final: when nothing more comes, the text is what it is."""


def settle(draft, validate, action):
    if draft.state in ("started", "streaming"):
        return "held"
    try:
        decision = validate(draft.text)
    except ValueError:
        return "refused"
    action(decision)
    return "acted"
