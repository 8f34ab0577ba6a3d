"""a-key-from-the-models-words: a digest of what the model wants done names what is to be done."""

import hashlib


def action_key(wish):
    words = hashlib.sha256(wish["model_says"].encode()).hexdigest()[:8]
    return ":".join([wish["action"], wish["account_id"], wish["policy_line_id"], words])
