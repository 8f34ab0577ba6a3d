"""retry-the-unknown: what the table does not name is waited for, in hope."""


def advice(status, kind):
    if kind == "quota_exhausted":
        return "fail_and_fix_quota"
    if status in {400, 401, 403}:
        return "fail_and_fix_request"
    return "retry_with_backoff"
