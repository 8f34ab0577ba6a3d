"""key-without-the-line: one account, one key, whatever is to be done."""


def create_job(create, account_id, line_id, tries):
    for _ in range(tries):
        job = create(f"create_rotation_job:{account_id}:v1")
        if job is not None:
            return job
    return None
