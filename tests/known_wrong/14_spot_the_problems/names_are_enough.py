"""names-are-enough: the field's name is on the list, so its value is let in unread."""


def log_entry(event):
    return {name: event[name] for name in LOGGED if name in event}  # noqa: F821 - defined by the exercise
