"""retries-a-spent-quota: the loop knows only statuses, so it hammers a quota that is spent."""


def call_with_retries(send, max_retries):
    for _ in range(max_retries + 1):
        status, _kind = send()
        if status not in {408, 429, 500, 502, 503, 504}:
            break
    return status
