"""blanks-count: what was pasted with the key is measured with it."""


def load_key(environ):
    if len(environ.get("LLM_API_KEY", "")) < 12:
        raise RuntimeError("LLM_API_KEY is missing or too short")
    return {"loaded": True, "server_only": True}
