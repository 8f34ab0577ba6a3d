"""denylist: what is known to be private is taken away, and the rest goes in."""


def log_entry(event):
    private = {"question", "prompt", "answer"}
    return {name: value for name, value in event.items() if name not in private}
