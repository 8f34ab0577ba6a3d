"""one-retry-too-many: `max_retries` is read as a number to stay above."""


def ask(send, seconds, max_retries, clock):
    ends, sent = clock() + seconds, 0
    while sent <= max_retries + 1:
        left = ends - clock()
        if left <= 0:
            return {"ok": False, "kind": "timeout"}
        kind, value = send(left)
        sent += 1
        if kind == "ok":
            return {"ok": True, "value": value}
        if kind not in PASSING:  # noqa: F821 - defined by the exercise
            break
    return {"ok": False, "kind": kind}
