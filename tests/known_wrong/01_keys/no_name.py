"""nameless-error: the error says that something is missing, and leaves open what."""


def load_key(environ):
    if len(environ.get("LLM_API_KEY", "").strip()) < 12:
        raise RuntimeError("the API key is missing or too short")
    return {"loaded": True, "server_only": True}
