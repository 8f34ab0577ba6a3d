"""reads-before-it-asks: status 200 means that there is an answer, so it is parsed."""

import json


def read_openai(body):
    message = body["choices"][0]["message"]
    if message.get("refusal") or message["content"] is None:
        return {"end": "refused", "answer": None}
    return {"end": "complete", "answer": json.loads(message["content"])}
