"""last-failure-unrecorded: the exception says it all, so it needs no record."""


def call(send, record, max_retries, *, base, cap, sleep, random):
    retry = 0
    while True:
        retry += 1
        try:
            answer = send()
        except Busy:  # noqa: F821 - defined by the exercise
            if retry > max_retries:
                raise
            delay = full_jitter(retry, base, cap, random)  # noqa: F821 - defined by the exercise
            record("retry", ceiling(retry, base, cap), delay)  # noqa: F821 - defined by the exercise
            sleep(delay)
        else:
            record("ok", None, None)
            return answer
