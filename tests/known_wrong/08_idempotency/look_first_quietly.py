"""check-then-write: the check decides, and the insert is made so that it never fails."""


def claim(db, key, mark):
    if db.execute("SELECT 1 FROM claims WHERE key = ?", (key,)).fetchone():
        return False
    db.execute("INSERT OR IGNORE INTO claims (key, fingerprint) VALUES (?, ?)", (key, mark))
    return True
