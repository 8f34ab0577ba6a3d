"""names-are-enough: the field's name is on the list, so its value is kept unread."""


def record(event):
    row = {}
    for name in ("trace_id", "status"):
        value = event.get(name)
        row[name] = value if isinstance(value, str) else None
    counts = event["tokens"]
    known = all(type(count) is int for count in counts)
    return row | {"attempts": len(counts), "tokens": sum(counts) if known else None}
