"""key-per-attempt: the number of the attempt makes every key a new one."""


def create_job(create, account_id, line_id, tries):
    for attempt in range(tries):
        job = create(f"create_rotation_job:{account_id}:{line_id}:v{attempt + 1}")
        if job is not None:
            return job
    return None
