"""the-first-block: the answer is in content[0], as in the example of the manual."""


def read_anthropic(body: dict) -> dict:
    """The one shape, from a message."""
    stop = body["stop_reason"]
    if stop == "refusal":
        return {"end": "refused", "answer": None}
    if stop != "tool_use":
        return {"end": "cut_off", "answer": None}
    form = body["content"][0]
    return {"end": "complete", "answer": form.get("input")}
