"""new-ids: a new try is a new request, so it gets a name of its own."""


def next_batch(requests, result):
    return [
        {**row, "custom_id": f"{row['custom_id']}-retry"}
        for row in requests
        if row["custom_id"] in result["missing"]
    ]
