"""batch-is-faster: many records at once are through sooner than one after the other."""


def choose_shape(work):
    if work["someone_waits"]:
        if work["seconds"] <= 10:
            return "sync", "answer_needed_now"
        if work["one_object"]:
            return "background", "too_long_to_wait"
        return "stream", "partial_text_helps"
    if work["records"] <= 20:
        return "background", "too_few_for_a_batch"
    return "batch", "can_wait_a_day"
