"""choices-everywhere: the reader of the first provider is used for the second."""

import json


def read_anthropic(body: dict) -> dict:
    """The one shape, from a chat completion."""
    choice = body["choices"][0]
    message, finish = choice["message"], choice["finish_reason"]
    if finish == "content_filter" or message.get("refusal"):
        return {"end": "refused", "answer": None}
    if finish != "stop":
        return {"end": "cut_off", "answer": None}
    return {"end": "complete", "answer": json.loads(message["content"])}
