"""empty-counts-as-loaded: a variable that is set is taken for a key."""


def load_key(environ):
    if "LLM_API_KEY" not in environ:
        raise RuntimeError("LLM_API_KEY is missing")
    return {"loaded": True, "server_only": True}
