"""one-shape-for-both: what one provider takes is thought to be a standard."""


def anthropic_body(model: str, system: str, message: str, schema: dict) -> dict:
    """One question as a chat completion."""
    form = {"name": "rotation_decision", "strict": True, "schema": schema}
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": system},
            {"role": "user", "content": message},
        ],
        "response_format": {"type": "json_schema", "json_schema": form},
    }
