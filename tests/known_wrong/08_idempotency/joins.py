"""joins-what-comes: a join is enough, since ids never hold a colon."""


def action_key(wish):
    return f"{wish['action']}:{wish['account_id']}:{wish['policy_line_id']}:v{wish['version']}"
