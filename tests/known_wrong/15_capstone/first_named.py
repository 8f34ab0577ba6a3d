"""key-per-press: the model's order of the lines is part of the key."""


def act(account_id, read, ledger, create):
    if read["status"] != "validated" or read["decision"]["decision"] != "eligible":
        return {"status": "denied", "job": None}
    key = f"create_rotation_job:{account_id}:{read['decision']['source_line_ids'][0]}:v1"
    job = ledger.claim(key)
    if job is None:
        try:
            job = create(key)
        except ConnectionError:
            return {"status": "in_doubt", "job": None}
        ledger.done(key, job)
    return {"status": "done", "job": job}
