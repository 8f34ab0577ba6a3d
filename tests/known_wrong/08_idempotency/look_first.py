"""check-then-write: if there is no row yet, write it."""


def claim(db, key, mark):
    if db.execute("SELECT 1 FROM claims WHERE key = ?", (key,)).fetchone():
        return False
    db.execute("INSERT INTO claims (key, fingerprint) VALUES (?, ?)", (key, mark))
    return True
