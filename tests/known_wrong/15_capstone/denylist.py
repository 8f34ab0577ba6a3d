"""denylist: what is known to be private is taken away, and the rest is kept."""


def record(event):
    counts = event["tokens"]
    known = all(type(count) is int for count in counts)
    kept = {name: value for name, value in event.items() if name not in ("question", "prompt", "answer")}
    return kept | {"attempts": len(counts), "tokens": sum(counts) if known else None}
