"""streaming-is-better: tokens that come one by one cost less, so long work is streamed with nobody there."""


def choose_shape(work):
    if work["seconds"] > 10:
        return "stream", "partial_text_helps"
    if work["someone_waits"]:
        return "sync", "answer_needed_now"
    if work["records"] <= 20:
        return "background", "too_few_for_a_batch"
    if work["can_wait_hours"] < 24:
        return "background", "sooner_than_a_batch"
    return "batch", "can_wait_a_day"
