"""same-order: results come back in the order of the requests."""


def reconcile(sent, output, errors):
    done = {one: row["response"]["body"] for one, row in zip(sent, output or [], strict=False)}
    failed = {row["custom_id"]: row["error"]["code"] for row in errors or []}
    missing = [one for one in sent if one not in done and one not in failed]
    return {"done": done, "failed": failed, "missing": missing}
