"""somebody-else-checks: the type holds the values, and the callers are trusted to check them."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """One request, as the application means it."""

    task: str
    account_id: str
    policy_line_ids: tuple[str, ...]
    customer_question: str = field(repr=False)
    trace_id: str
    prompt_version: str
    timeout_seconds: float = 20.0
    max_retries: int = 2
