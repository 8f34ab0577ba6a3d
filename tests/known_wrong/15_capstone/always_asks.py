"""asks-again: the service is idempotent, so the ledger's answer is not needed."""


def act(account_id, read, ledger, create):
    if read["status"] != "validated" or read["decision"]["decision"] != "eligible":
        return {"status": "denied", "job": None}
    key = f"create_rotation_job:{account_id}:{min(read['decision']['source_line_ids'])}:v1"
    ledger.claim(key)
    try:
        job = create(key)
    except ConnectionError:
        return {"status": "in_doubt", "job": None}
    ledger.done(key, job)
    return {"status": "done", "job": job}
