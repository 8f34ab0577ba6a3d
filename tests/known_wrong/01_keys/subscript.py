"""bare-lookup: the mapping's own KeyError is thought to say enough."""


def load_key(environ):
    if len(environ["LLM_API_KEY"].strip()) < 12:
        raise RuntimeError("LLM_API_KEY is too short")
    return {"loaded": True, "server_only": True}
