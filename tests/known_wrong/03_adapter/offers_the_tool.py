"""tool-only-offered: a tool that is listed is thought to be used."""


def anthropic_body(model: str, system: str, message: str, schema: dict) -> dict:
    """The same question as a message with one forced tool."""
    return {
        "model": model,
        "max_tokens": 500,
        "system": system,
        "messages": [{"role": "user", "content": message}],
        "tools": [{"name": "rotation_decision", "input_schema": schema}],
        "tool_choice": {"type": "auto"},
    }
