"""cached-counted-twice: prompt tokens are the input, and cached tokens come on top of it."""


def from_openai(usage):
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    if cached > usage["prompt_tokens"]:
        raise ValueError(f"{cached} cached of {usage['prompt_tokens']}")
    return {
        "input": usage["prompt_tokens"],
        "cache_read": cached,
        "cache_write": 0,
        "output": usage["completion_tokens"],
    }
