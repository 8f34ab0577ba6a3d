"""a-clean-start: a program that starts wants a table in the right form."""


def prepare(db):
    db.execute("DROP TABLE IF EXISTS claims")
    db.execute("CREATE TABLE claims (key TEXT PRIMARY KEY, fingerprint TEXT, result TEXT)")
