"""start-is-enough: `match` finds out whether a text is a trace id."""


def clean(event, rules):
    kept = {}
    for name, rule in rules.items():
        if name in event:
            value = event[name]
            if rule is int:
                fits = type(value) is int
            elif isinstance(rule, frozenset):
                fits = isinstance(value, str) and value in rule
            else:
                fits = isinstance(value, str) and rule.match(value)
            kept[name] = value if fits else f"<refused: {type(value).__name__}>"
    return kept
