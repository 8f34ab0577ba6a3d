"""retry-what-cannot-succeed: everything that is not a success is tried again, a refused key too."""


def advice(status, kind):
    if kind == "quota_exhausted":
        return "fail_and_fix_quota"
    return "retry_with_backoff"
