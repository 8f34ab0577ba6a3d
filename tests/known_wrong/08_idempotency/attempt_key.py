"""a-key-per-attempt: the attempt's number makes the requests in the log easy to tell apart."""


def action_key(wish):
    return ":".join([wish["action"], wish["account_id"], wish["policy_line_id"], f"v{wish['attempt']}"])
