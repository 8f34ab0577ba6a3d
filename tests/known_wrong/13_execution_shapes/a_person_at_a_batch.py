"""a-person-at-a-batch: half the price is asked for first, and who waits after it."""


def choose_shape(work):
    if work["records"] > 20 and work["can_wait_hours"] >= 24:
        return "batch", "can_wait_a_day"
    if work["someone_waits"]:
        if work["seconds"] <= 10:
            return "sync", "answer_needed_now"
        if work["one_object"]:
            return "background", "too_long_to_wait"
        return "stream", "partial_text_helps"
    if work["records"] <= 20:
        return "background", "too_few_for_a_batch"
    return "background", "sooner_than_a_batch"
