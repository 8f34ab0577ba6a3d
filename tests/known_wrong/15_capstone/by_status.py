"""quota-is-a-rate-limit: 429 means too many requests, so wait and try again."""


def status_of(http, kind):
    if http == 200:
        return "ok"
    if http == 429:
        return "rate_limited"
    return "provider_error" if http >= 500 else "rejected"
