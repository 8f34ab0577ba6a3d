"""all-429-alike: the status decides, so a spent quota is waited for like a rate limit."""


def advice(status, kind):
    if status in {408, 429, 500, 502, 503, 504}:
        return "retry_with_backoff"
    if kind == "quota_exhausted":
        return "fail_and_fix_quota"
    if status in {400, 401, 403}:
        return "fail_and_fix_request"
    return "fail_and_inspect"
