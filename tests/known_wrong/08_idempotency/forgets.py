"""result-not-kept: the claim keeps others away, and the caller has the result."""

# ruff: noqa: F821 - the exercise defines these names


def run_once(db, key, payload, act):
    mark = fingerprint(payload)
    if claim(db, key, mark):
        return act(payload), True
    row = db.execute("SELECT fingerprint, result FROM claims WHERE key = ?", (key,))
    stored_mark, result = row.fetchone()
    if stored_mark != mark:
        raise Mismatch(key)
    if result is None:
        raise InProgress(key)
    return result, False
