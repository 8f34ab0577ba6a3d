"""done-before-the-effect: a row means that it was done, whatever is in it."""

# ruff: noqa: F821 - the exercise defines these names


def run_once(db, key, payload, act):
    mark = fingerprint(payload)
    if claim(db, key, mark):
        result = act(payload)
        db.execute("UPDATE claims SET result = ? WHERE key = ?", (result, key))
        return result, True
    row = db.execute("SELECT fingerprint, result FROM claims WHERE key = ?", (key,))
    stored_mark, result = row.fetchone()
    if stored_mark != mark:
        raise Mismatch(key)
    return result, False
