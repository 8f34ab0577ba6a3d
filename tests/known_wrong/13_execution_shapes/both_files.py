"""no-file-no-batch: a batch always has an output file and an error file."""


def reconcile(sent, output, errors):
    done = {row["custom_id"]: row["response"]["body"] for row in output}
    failed = {row["custom_id"]: row["error"]["code"] for row in errors}
    missing = [one for one in sent if one not in done and one not in failed]
    return {"done": done, "failed": failed, "missing": missing}
