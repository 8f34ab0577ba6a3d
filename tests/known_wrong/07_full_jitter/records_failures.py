"""success-needs-no-record: records are for what went wrong."""


def call(send, record, max_retries, *, base, cap, sleep, random):
    retry = 0
    while True:
        retry += 1
        try:
            answer = send()
        except Busy:  # noqa: F821 - defined by the exercise
            if retry > max_retries:
                record("failed", None, None)
                raise
            delay = full_jitter(retry, base, cap, random)  # noqa: F821 - defined by the exercise
            record("retry", ceiling(retry, base, cap), delay)  # noqa: F821 - defined by the exercise
            sleep(delay)
        else:
            return answer
