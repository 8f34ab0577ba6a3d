"""code-only: `type` is never read, so a body that leaves `code` empty has no kind."""


def kind_of(body):
    return KINDS.get(body.get("error", {}).get("code"))  # noqa: F821 - defined by the exercise
