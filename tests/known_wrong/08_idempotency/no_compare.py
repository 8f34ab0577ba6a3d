"""same-key-same-request: the key says all about the request, so the payload need not be compared."""

# ruff: noqa: F821 - the exercise defines these names


def run_once(db, key, payload, act):
    mark = fingerprint(payload)
    if claim(db, key, mark):
        result = act(payload)
        db.execute("UPDATE claims SET result = ? WHERE key = ?", (result, key))
        return result, True
    (result,) = db.execute("SELECT result FROM claims WHERE key = ?", (key,)).fetchone()
    if result is None:
        raise InProgress(key)
    return result, False
