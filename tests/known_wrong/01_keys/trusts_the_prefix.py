"""prefix-proves-it: what starts like a key is believed to be one."""


def is_placeholder(value):
    text = value.lower()
    if text.startswith("sk-"):
        return False
    return len(set(text)) < 6 or any(word in text for word in WORDS)  # noqa: F821 - defined by the exercise
