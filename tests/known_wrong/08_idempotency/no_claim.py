"""acts-on-every-call: the claim is there for the record, and the action follows."""

# ruff: noqa: F821 - the exercise defines these names


def run_once(db, key, payload, act):
    claim(db, key, fingerprint(payload))
    result = act(payload)
    db.execute("UPDATE claims SET result = ? WHERE key = ?", (result, key))
    return result, True
