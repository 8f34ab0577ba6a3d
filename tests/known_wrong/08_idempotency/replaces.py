"""replaces-the-claim: INSERT OR REPLACE never complains, so it is the robust form."""


def claim(db, key, mark):
    return (
        db.execute("INSERT OR REPLACE INTO claims (key, fingerprint) VALUES (?, ?)", (key, mark)).rowcount
        == 1
    )
