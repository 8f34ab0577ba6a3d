"""only-length-means-cut: an answer is cut when it was too long, and otherwise it is whole."""


def state_of(reply):
    if reply["refusal"] or reply["finish"] == "content_filter":
        return "refused"
    return "incomplete" if reply["finish"] == "length" else "read"
