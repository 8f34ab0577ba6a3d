"""What goes into a call and what comes out, in the words of the application.

Without a contract of its own, an app's intent lives in a prompt string and a provider's SDK objects:
nobody can say which inputs are refused, and changing the provider changes every route.
The contract knows no provider, and holds no permission: a task asks, it never approves or acts.

    task = Task("decide_rotation", "acct_10234", ("P-7",), question, trace_id, "rotation_decision@2")
    outcome = boundary.call(task, evidence)
    outcome.value if outcome.ok else outcome.summary()
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Generic, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from labkit.failures import NEXT_STEP, CallFailed, Kind, LabkitError
from labkit.records import CallRecord

TASKS = ("decide_rotation", "summarize_scan", "draft_reply")
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,127}", re.ASCII)
PROMPT_VERSION = re.compile(r"[a-z][a-z0-9_]{0,63}@[1-9][0-9]{0,3}", re.ASCII)
MOST_RETRIES = 10


class ContractError(LabkitError, ValueError):
    """A task that the boundary refuses before anything is sent. Names the field, never its text."""


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """One line of the policy that an answer may cite."""

    id: str
    text: str
    rotation_window_days: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the app supplies for an answer to rest on: policy lines, and facts about the account.

    `facts` must be plain JSON values. Nothing else may be cited.
    """

    policy_lines: tuple[PolicyLine, ...]
    facts: Mapping[str, object] = field(default_factory=dict, repr=False)

    @property
    def line_ids(self) -> tuple[str, ...]:
        """The ids of the supplied lines, in order."""
        return tuple(line.id for line in self.policy_lines)


@dataclass(frozen=True, slots=True)
class Task:
    """One request, as the app means it. `timeout_seconds` covers all attempts and all waits together.

    Raises `ContractError` for a value that no call should be made with.
    """

    task: Literal["decide_rotation", "summarize_scan", "draft_reply"]
    account_id: str
    policy_line_ids: tuple[str, ...]
    customer_question: str = field(repr=False)  # customer text stays out of logs and tracebacks
    trace_id: str
    prompt_version: str
    timeout_seconds: float = 20.0
    max_retries: int = 2

    def __post_init__(self) -> None:
        _require(self.task in TASKS, "task", f"one of {', '.join(TASKS)}")
        _require(_is_match(IDENTIFIER, self.account_id), "account_id", "an id such as acct_10234")
        _require(
            isinstance(self.policy_line_ids, tuple), "policy_line_ids", "a tuple: a list could change later"
        )
        _require(
            all(_is_match(IDENTIFIER, line) for line in self.policy_line_ids),
            "policy_line_ids",
            "ids such as P-7",
        )
        _require(
            len(set(self.policy_line_ids)) == len(self.policy_line_ids), "policy_line_ids", "each id once"
        )
        question = self.customer_question
        _require(isinstance(question, str) and bool(question.strip()), "customer_question", "some text")
        _require(_is_match(IDENTIFIER, self.trace_id), "trace_id", "an id such as trace_acct_10234_01")
        _require(
            _is_match(PROMPT_VERSION, self.prompt_version),
            "prompt_version",
            "name@number: rotation_decision@2",
        )
        _require(
            _is_number(self.timeout_seconds) and 0 < self.timeout_seconds < math.inf,
            "timeout_seconds",
            "a number of seconds above 0",
        )
        retries = self.max_retries
        _require(
            isinstance(retries, int) and not isinstance(retries, bool) and 0 <= retries <= MOST_RETRIES,
            "max_retries",
            f"a whole number from 0 to {MOST_RETRIES}",
        )


def _require(holds: bool, name: str, wanted: str) -> None:
    if not holds:
        raise ContractError(f"Task.{name}: wanted {wanted}. The value is not shown: it may be customer text.")


def _is_match(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Result(BaseModel):
    """What every typed result shares: strict types, closed fields, no change after validation."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)
    schema_name: ClassVar[str]
    plain_text: ClassVar[bool] = False  # True: the reply is prose for a person, in a field named text


class RotationDecision(Result):
    """Whether a credential is eligible for rotation, in how many days, and by which policy lines."""

    schema_name: ClassVar[str] = "rotation_decision"
    decision: Literal["eligible", "not_eligible", "not_specified"]
    rotation_window_days: int
    source_line_ids: Annotated[tuple[str, ...], Field(description="ids of the policy lines that decide")]


class ScanSummary(Result):
    """What a scan for leaked keys found, in a sentence or two, with the ids of the findings it covers."""

    schema_name: ClassVar[str] = "scan_summary"
    summary: str
    finding_ids: Annotated[tuple[str, ...], Field(description="ids of all findings in the account facts")]


class ReplyDraft(Result):
    """A reply for a person to read, approve and send. It states; it never acts."""

    schema_name: ClassVar[str] = "reply_draft"
    plain_text: ClassVar[bool] = True
    text: str


T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T_co]):
    """A validated result, for the product, with its record, for operations."""

    ok: ClassVar[bool] = True
    value: T_co
    record: CallRecord

    def unwrap(self) -> T_co:
        """The value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Failure:
    """A named end without a result. `reason` is a code of ours: never text from a provider or a customer."""

    ok: ClassVar[bool] = False
    kind: Kind
    reason: str
    record: CallRecord

    @property
    def next_step(self) -> str:
        """What the product does now."""
        return NEXT_STEP[self.kind]

    def summary(self) -> dict[str, str]:
        """The two words a route handler needs: `{'status': 'timeout', 'next_step': 'show_retry_option'}`."""
        return {"status": str(self.kind), "next_step": self.next_step}

    def unwrap(self) -> NoReturn:
        """Raise `CallFailed`, for callers that prefer an exception."""
        raise CallFailed(
            f"{self.record.task} ended as {self.kind} ({self.reason}); next step: {self.next_step}"
        )


Outcome = Answer[T_co] | Failure
