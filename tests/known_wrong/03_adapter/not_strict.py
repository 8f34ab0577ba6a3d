"""schema-as-a-wish: the schema is sent, and its enforcement is left at the default."""


def openai_body(model: str, system: str, message: str, schema: dict) -> dict:
    """One question as a chat completion."""
    form = {"name": "rotation_decision", "schema": schema}
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": system},
            {"role": "user", "content": message},
        ],
        "response_format": {"type": "json_schema", "json_schema": form},
    }
