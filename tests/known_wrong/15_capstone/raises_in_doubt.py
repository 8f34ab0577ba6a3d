"""doubt-is-an-exception: a lost connection is somebody else's trouble."""


def act(account_id, read, ledger, create):
    if read["status"] != "validated" or read["decision"]["decision"] != "eligible":
        return {"status": "denied", "job": None}
    key = f"create_rotation_job:{account_id}:{min(read['decision']['source_line_ids'])}:v1"
    job = ledger.claim(key)
    if job is None:
        job = create(key)
        ledger.done(key, job)
    return {"status": "done", "job": job}
