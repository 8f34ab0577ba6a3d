"""json-mode-is-a-schema: JSON was asked for, so JSON mode is turned on."""


def openai_body(model: str, system: str, message: str, schema: dict) -> dict:
    """One question as a chat completion."""
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": system},
            {"role": "user", "content": message},
        ],
        "response_format": {"type": "json_object"},
    }
