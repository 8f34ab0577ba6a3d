"""a-lost-race-is-an-error: the constraint raises when the key is taken, and that is an answer, too."""


def claim(db, key, mark):
    db.execute("INSERT INTO claims (key, fingerprint) VALUES (?, ?)", (key, mark))
    return True
