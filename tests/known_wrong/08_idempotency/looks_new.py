"""a-repeat-looks-new: the job exists, so the answer to the question whether it was created is yes."""

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
    if result is None:
        raise InProgress(key)
    return result, True
