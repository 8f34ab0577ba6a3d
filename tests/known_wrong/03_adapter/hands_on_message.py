"""sdk-objects-leak: the product gets the message and takes from it what it needs."""


def read_openai(body: dict) -> dict:
    """The one shape, from a chat completion."""
    choice = body["choices"][0]
    message, finish = choice["message"], choice["finish_reason"]
    if finish == "content_filter" or message.get("refusal"):
        return {"end": "refused", "answer": None}
    if finish != "stop":
        return {"end": "cut_off", "answer": None}
    return {"end": "complete", "answer": message}
