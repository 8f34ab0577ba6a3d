"""contradiction-passes: subtraction is subtraction, whatever comes out."""


def from_openai(usage):
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return {
        "input": usage["prompt_tokens"] - cached,
        "cache_read": cached,
        "cache_write": 0,
        "output": usage["completion_tokens"],
    }
