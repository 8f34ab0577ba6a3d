"""output-only: what is not in the output file did not come back."""


def reconcile(sent, output, errors):
    done = {row["custom_id"]: row["response"]["body"] for row in output or []}
    return {"done": done, "failed": {}, "missing": [one for one in sent if one not in done]}
