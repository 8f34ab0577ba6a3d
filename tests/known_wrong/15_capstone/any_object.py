"""acts-undecided: there is a decision, and it says eligible."""


def act(account_id, read, ledger, create):
    if not read["decision"] or read["decision"]["decision"] != "eligible":
        return {"status": "denied", "job": None}
    key = f"create_rotation_job:{account_id}:{min(read['decision']['source_line_ids'])}:v1"
    job = ledger.claim(key)
    if job is None:
        try:
            job = create(key)
        except ConnectionError:
            return {"status": "in_doubt", "job": None}
        ledger.done(key, job)
    return {"status": "done", "job": job}
