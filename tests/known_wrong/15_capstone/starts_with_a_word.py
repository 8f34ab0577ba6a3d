"""names-are-enough: a text that begins well is taken for a word."""


def record(event):
    row = {}
    for name in ("trace_id", "status"):
        value = event.get(name)
        row[name] = value if isinstance(value, str) and WORD.match(value) else None  # noqa: F821 - defined by the exercise
    counts = event["tokens"]
    known = all(type(count) is int for count in counts)
    return row | {"attempts": len(counts), "tokens": sum(counts) if known else None}
