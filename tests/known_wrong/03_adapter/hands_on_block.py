"""sdk-objects-leak: the whole block is handed on, in case somebody needs its id."""


def read_anthropic(body: dict) -> dict:
    """The one shape, from a message."""
    stop = body["stop_reason"]
    if stop == "refusal":
        return {"end": "refused", "answer": None}
    if stop != "tool_use":
        return {"end": "cut_off", "answer": None}
    form = next(block for block in body["content"] if block["type"] == "tool_use")
    return {"end": "complete", "answer": form}
