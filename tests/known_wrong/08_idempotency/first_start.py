"""only-the-first-start: the table is made once, by hand or by the first program."""


def prepare(db):
    db.execute("CREATE TABLE claims (key TEXT PRIMARY KEY, fingerprint TEXT, result TEXT)")
