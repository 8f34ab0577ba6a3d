"""no-row-is-no-false: if the insert did not raise, the row is mine."""

import sqlite3


def claim(db, key, mark):
    try:
        db.execute("INSERT OR IGNORE INTO claims (key, fingerprint) VALUES (?, ?)", (key, mark))
    except sqlite3.IntegrityError:
        return False
    return True
