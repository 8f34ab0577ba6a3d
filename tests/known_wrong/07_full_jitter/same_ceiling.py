"""waits-that-never-grow: each wait is drawn as if it were the first."""


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
            delay = full_jitter(1, base, cap, random)  # noqa: F821 - defined by the exercise
            record("retry", ceiling(1, base, cap), delay)  # noqa: F821 - defined by the exercise
            sleep(delay)
        else:
            record("ok", None, None)
            return answer
