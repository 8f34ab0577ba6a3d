"""timeout-is-an-exception: a timeout is the caller's business."""


def call(send, seconds, max_retries, *, clock, sleep, random):
    ends = clock() + seconds
    attempts, ceiling = 0, BASE  # noqa: F821 - defined by the exercise
    while True:
        attempts += 1
        http, kind, reply = send(ends - clock())
        status = status_of(http, kind)  # noqa: F821 - defined by the exercise
        if status == "ok":
            return {"status": status, "attempts": attempts, "reply": reply}
        wait = random() * min(CAP, ceiling)  # noqa: F821 - defined by the exercise
        passing = status in {"rate_limited", "provider_error", "timeout"}
        if not passing or attempts > max_retries or wait >= ends - clock():
            return {"status": status, "attempts": attempts, "reply": None}
        sleep(wait)
        ceiling *= 2
