"""true-is-an-int: `isinstance` tells what something is."""


def clean(event, rules):
    kept = {}
    for name, rule in rules.items():
        if name in event:
            value = event[name]
            if rule is int:
                fits = isinstance(value, int)
            elif isinstance(rule, frozenset):
                fits = isinstance(value, str) and value in rule
            else:
                fits = isinstance(value, str) and rule.fullmatch(value)
            kept[name] = value if fits else f"<refused: {type(value).__name__}>"
    return kept
