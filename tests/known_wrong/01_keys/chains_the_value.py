"""error-tells-the-value: the message is clean, and the exception it is chained to is not."""


def measured(key):
    if len(key) < 12:
        raise ValueError(f"bad key {key}")


def load_key(environ):
    try:
        measured(environ.get("LLM_API_KEY", "").strip())
    except ValueError as error:
        raise RuntimeError("LLM_API_KEY is missing or too short") from error
    return {"loaded": True, "server_only": True}
