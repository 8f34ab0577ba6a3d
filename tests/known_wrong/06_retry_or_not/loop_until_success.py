"""retries-everything: every error is sent again, as a decorator without conditions does."""


def call_with_retries(send, max_retries):
    for _ in range(max_retries + 1):
        status, _kind = send()
        if status < 400:
            break
    return status
