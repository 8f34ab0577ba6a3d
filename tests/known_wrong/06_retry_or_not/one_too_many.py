"""one-retry-too-many: `max_retries` is read as a number to stay above, and one more request goes out."""


def call_with_retries(send, max_retries):
    sent = 0
    while True:
        status, kind = send()
        sent += 1
        if status < 400 or advice(status, kind) != "retry_with_backoff":  # noqa: F821 - defined by the exercise
            return status
        if sent > max_retries + 1:
            return status
