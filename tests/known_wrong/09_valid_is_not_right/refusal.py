"""a-refusal-is-an-answer: the model stopped by itself, so it has said what it had to say."""


def state_of(reply):
    if reply["finish"] == "content_filter":
        return "refused"
    return "read" if reply["finish"] == "stop" else "incomplete"
