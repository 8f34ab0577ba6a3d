"""rules-beside-the-question: everything goes into one message, as in a chat window."""


def openai_body(model: str, system: str, message: str, schema: dict) -> dict:
    """One question as a chat completion."""
    form = {"name": "rotation_decision", "strict": True, "schema": schema}
    return {
        "model": model,
        "messages": [
            {"role": "user", "content": system + message},
        ],
        "response_format": {"type": "json_schema", "json_schema": form},
    }
