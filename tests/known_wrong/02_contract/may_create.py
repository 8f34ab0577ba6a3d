"""permission-in-the-contract: the request says what it may do, so that nobody has to look it up."""

# ruff: noqa: F821 - the exercise defines what this uses
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
    can_create_job: bool = False

    def __post_init__(self) -> None:
        broken = broken_rules(vars(self))
        if broken:
            raise ValueError(f"not a request: see {', '.join(broken)}")
