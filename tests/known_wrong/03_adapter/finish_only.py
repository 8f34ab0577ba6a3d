"""a-refusal-stops-too: a refusal is thought to have a finish reason of its own."""

import json


def read_openai(body: dict) -> dict:
    """The one shape, from a chat completion."""
    choice = body["choices"][0]
    message, finish = choice["message"], choice["finish_reason"]
    if finish == "content_filter":
        return {"end": "refused", "answer": None}
    if finish != "stop":
        return {"end": "cut_off", "answer": None}
    return {"end": "complete", "answer": json.loads(message["content"] or "null")}
