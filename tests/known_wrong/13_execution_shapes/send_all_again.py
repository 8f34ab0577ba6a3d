"""send-all-again: the batch was not complete, so it is repeated."""


def next_batch(requests, result):
    return requests if result["failed"] or result["missing"] or result["done"] else []
