"""sleeps-after-the-last-failure: the sleep follows every failure, and the loop's end comes after it."""


def call(send, record, max_retries, *, base, cap, sleep, random):
    for retry in range(1, max_retries + 2):
        try:
            answer = send()
        except Busy as error:  # noqa: F821 - defined by the exercise
            last = error
            delay = full_jitter(retry, base, cap, random)  # noqa: F821 - defined by the exercise
            if retry <= max_retries:
                record("retry", ceiling(retry, base, cap), delay)  # noqa: F821 - defined by the exercise
            sleep(delay)
        else:
            record("ok", None, None)
            return answer
    record("failed", None, None)
    raise last
