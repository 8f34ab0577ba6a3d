"""names-only: a field that may be logged may hold anything."""


def clean(event, rules):
    return {name: event[name] for name in rules if name in event}
