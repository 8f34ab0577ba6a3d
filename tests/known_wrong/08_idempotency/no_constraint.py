"""the-code-will-check: the function looks before it writes, so the table needs no rule."""


def prepare(db):
    db.execute("CREATE TABLE IF NOT EXISTS claims (key TEXT, fingerprint TEXT, result TEXT)")
