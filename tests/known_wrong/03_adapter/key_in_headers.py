"""key-in-the-payload: the second payload carries its headers."""

import os


def anthropic_body(model: str, system: str, message: str, schema: dict) -> dict:
    """The same question as a message with one forced tool."""
    return {
        "model": model,
        "x-api-key": os.environ.get("LLM_API_KEY"),
        "max_tokens": 500,
        "system": system,
        "messages": [{"role": "user", "content": message}],
        "tools": [{"name": "rotation_decision", "input_schema": schema}],
        "tool_choice": {"type": "tool", "name": "rotation_decision"},
    }
