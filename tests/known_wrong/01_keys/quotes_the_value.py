"""error-tells-the-value: the error is made helpful by quoting what it refused."""


def load_key(environ):
    key = environ.get("LLM_API_KEY", "").strip()
    if len(key) < 12:
        raise RuntimeError(f"LLM_API_KEY is too short: {key!r}")
    return {"loaded": True, "server_only": True}
