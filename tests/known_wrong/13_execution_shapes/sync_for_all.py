"""sync-for-all: a call is a call, and a longer timeout makes it fit."""


def choose_shape(work):
    if not work["someone_waits"] and work["records"] > 20 and work["can_wait_hours"] >= 24:
        return "batch", "can_wait_a_day"
    return "sync", "answer_needed_now"
