"""subtracted-twice: what is right for one provider is done for the other too."""


def from_anthropic(usage):
    cached = usage.get("cache_read_input_tokens") or 0
    return {
        "input": usage["input_tokens"] - cached,
        "cache_read": cached,
        "cache_write": usage.get("cache_creation_input_tokens") or 0,
        "output": usage["output_tokens"],
    }
