"""reads-before-it-asks: where there is a form, it is thought to be filled in."""


def read_anthropic(body):
    if body["stop_reason"] == "refusal":
        return {"end": "refused", "answer": None}
    for block in body["content"]:
        if block["type"] == "tool_use":
            return {"end": "complete", "answer": block["input"]}
    return {"end": "cut_off", "answer": None}
