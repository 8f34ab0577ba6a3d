"""last-attempt-only: the answer's own usage is the usage of the call."""


def record(event):
    row = {}
    for name in ("trace_id", "status"):
        value = event.get(name)
        row[name] = value if isinstance(value, str) and WORD.fullmatch(value) else None  # noqa: F821 - defined by the exercise
    counts = event["tokens"]
    known = all(type(count) is int for count in counts)
    return row | {"attempts": len(counts), "tokens": counts[-1] if known and counts else None}
