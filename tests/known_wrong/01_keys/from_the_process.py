"""reads-the-process: the function ignores its argument and asks the operating system."""

import os


def load_key(environ):
    key = os.environ.get("LLM_API_KEY", "").strip()
    if len(key) < 12:
        raise RuntimeError("LLM_API_KEY is missing or too short")
    return {"loaded": True, "server_only": True}
