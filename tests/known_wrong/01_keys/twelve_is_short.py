"""length-off-by-one: "at least 12" is written as "more than 12"."""


def load_key(environ):
    key = environ.get("LLM_API_KEY", "").strip()
    if len(key) <= 12:
        raise RuntimeError("LLM_API_KEY is missing or too short")
    return {"loaded": True, "server_only": True}
