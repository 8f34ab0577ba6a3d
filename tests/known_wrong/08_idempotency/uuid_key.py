"""a-key-per-attempt: a key must be unique, and nothing is more so than a UUID."""

from uuid import uuid4


def action_key(wish):
    return f"{wish['action']}:{uuid4()}"
