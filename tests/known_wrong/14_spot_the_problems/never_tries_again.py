"""never-tries-again: no answer is taken for no job, and nobody asks a second time."""


def create_job(create, account_id, line_id, tries):
    return create(f"create_rotation_job:{account_id}:{line_id}:v1")
