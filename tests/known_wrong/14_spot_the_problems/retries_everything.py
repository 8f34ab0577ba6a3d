"""retries-everything: whatever came, it is tried again while there is time."""


def ask(send, seconds, max_retries, clock):
    ends = clock() + seconds
    for _ in range(max_retries + 1):
        left = ends - clock()
        if left <= 0:
            return {"ok": False, "kind": "timeout"}
        kind, value = send(left)
        if kind == "ok":
            return {"ok": True, "value": value}
    return {"ok": False, "kind": kind}
