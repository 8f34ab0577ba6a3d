"""limit-is-optional: the limit is left out, as in the other payload."""


def anthropic_body(model: str, system: str, message: str, schema: dict) -> dict:
    """The same question as a message with one forced tool."""
    return {
        "model": model,
        "system": system,
        "messages": [{"role": "user", "content": message}],
        "tools": [{"name": "rotation_decision", "input_schema": schema}],
        "tool_choice": {"type": "tool", "name": "rotation_decision"},
    }
