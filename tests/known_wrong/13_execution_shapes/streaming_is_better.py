"""streaming-is-better: a stream is the modern way, so everything that takes long is one."""


def choose_shape(work):
    if work["someone_waits"] and work["seconds"] <= 10:
        return "sync", "answer_needed_now"
    if work["someone_waits"]:
        return "stream", "partial_text_helps"
    if work["records"] <= 20:
        return "background", "too_few_for_a_batch"
    if work["can_wait_hours"] < 24:
        return "background", "sooner_than_a_batch"
    return "batch", "can_wait_a_day"
