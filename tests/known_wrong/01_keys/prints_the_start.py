"""masking-is-safe: the result is clean, but the start of the key is printed on the way, "to check"."""


def load_key(environ):
    key = environ.get("LLM_API_KEY", "").strip()
    if len(key) < 12:
        raise RuntimeError("LLM_API_KEY is missing or too short")
    print("using key", key[:8])  # noqa: T201 - the mistake
    return {"loaded": True, "server_only": True}
