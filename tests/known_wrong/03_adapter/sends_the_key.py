"""key-in-the-payload: the payload carries everything that the call needs, the key included."""

import os


def openai_body(model: str, system: str, message: str, schema: dict) -> dict:
    """One question as a chat completion."""
    form = {"name": "rotation_decision", "strict": True, "schema": schema}
    return {
        "model": model,
        "api_key": os.environ.get("LLM_API_KEY"),
        "messages": [
            {"role": "system", "content": system},
            {"role": "user", "content": message},
        ],
        "response_format": {"type": "json_schema", "json_schema": form},
    }
