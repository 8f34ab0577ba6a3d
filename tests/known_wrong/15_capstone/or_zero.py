"""unknown-is-zero: no count means no tokens."""


def record(event):
    row = {}
    for name in ("trace_id", "status"):
        value = event.get(name)
        row[name] = value if isinstance(value, str) and WORD.fullmatch(value) else None  # noqa: F821 - defined by the exercise
    counts = event["tokens"]
    return row | {"attempts": len(counts), "tokens": sum(count or 0 for count in counts)}
