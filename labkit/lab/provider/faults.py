"""Everything the practice provider can be told to do wrong, by name.

A provider that only ever answers teaches nothing: the failure you never felt is the one that
reaches production. Each fault here has a name, one line that says what it does, and at most one
number.

    plan = parse("slow_first_byte:0.5")   # the number: seconds, milliseconds, bytes or chunks
    plan = parse("429+slow_first_byte:1") # two faults on one request
    FAULTS["drip"].about                  # what lessons and `labkit doctor` print
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from labkit.failures import LabkitError


class Where(StrEnum):
    """Which part of the answer a fault touches."""

    STATUS = "status"  # an error response instead of an answer
    BODY = "body"  # status 200, but the bytes are not the API's
    WIRE = "wire"  # the right bytes, delivered wrongly
    ANSWER = "answer"  # a well-formed response whose content is wrong
    STREAM = "stream"  # only streams: the event sequence is wrong
    JOB = "job"  # background responses and batches
    ACTION = "action"  # only the rotation service


@dataclass(frozen=True, slots=True)
class Spec:
    """What one fault does. `amount` is its default number, in the unit `about` names."""

    where: Where
    about: str
    amount: float | None = None
    needs_socket: bool = False


def _status() -> dict[str, Spec]:
    table = {
        "rate_limit": ("429, a passing rate limit, without Retry-After", None),
        "rate_limit_after": ("429 with Retry-After in SECONDS", 1.0),
        "rate_limit_after_date": ("429 with Retry-After as an HTTP date, SECONDS from now", 2.0),
        "rate_limit_after_ms": ("429 with retry-after-ms in MILLISECONDS", 250.0),
        "rate_limit_after_zero": ("429 with Retry-After: 0", None),
        "rate_limit_after_huge": ("429 with Retry-After of SECONDS, longer than any deadline", 86400.0),
        "rate_limit_after_garbage": ("429 with a Retry-After that is neither a number nor a date", None),
        "slow_down": ("429 slow_down: too fast, passes by itself", None),
        "quota": ("429, the quota is spent (insufficient_quota; enforced_spend_limit_reached)", None),
        "credit_balance": ("429, the prepaid credit is spent (credit_balance_exhausted)", None),
        "org_spend_limit": ("429 organization_spend_limit_exceeded: final until someone raises it", None),
        "enforced_spend_limit": ("429 enforced_spend_limit_reached: final", None),
        "contract_spend_limit": ("429 contract_spend_limit_reached: final", None),
        "ramp_limit": ("429 ramp_limit_exceeded: traffic grew too fast, passes by itself", None),
        "unknown_429": ("429 with a code that no document names", None),
        "bad_key": ("401, the key is not accepted", None),
        "forbidden": ("403, the key may not do this", None),
        "not_found": ("404, no such model", None),
        "content_policy": ("400, the prompt was blocked by the provider's content policy", None),
        "bad_request": ("400, the request is malformed", None),
        "server_error": ("500", None),
        "bad_gateway": ("502 with an HTML body, as a proxy sends it", None),
        "unavailable": ("503", None),
        "gateway_timeout": ("504", None),
        "overloaded": ("529, the provider is overloaded", None),
        "should_retry_false": ("503 with x-should-retry: false", None),
        "should_retry_true": ("400 with x-should-retry: true", None),
        "status": ("any status CODE; the number alone means the same, such as 418", 503.0),
    }
    return {name: Spec(Where.STATUS, about, amount) for name, (about, amount) in table.items()}


def _group(where: Where, table: Mapping[str, str]) -> dict[str, Spec]:
    return {name: Spec(where, about) for name, about in table.items()}


_BODY = {
    "html_200": "status 200 with an HTML page, as a captive portal or proxy sends it",
    "invalid_json": "status 200 with JSON that stops in the middle, its length declared correctly",
    "empty_body": "status 200 with no body at all",
    "empty_object": "status 200 with {}",
    "not_an_object": "status 200 with a JSON array",
}

_WIRE = {
    "slow_first_byte": Spec(Where.WIRE, "SECONDS of silence before the first byte", 0.5),
    "drip": Spec(Where.WIRE, "one byte at a time, SECONDS apart, so no read ever times out", 0.005),
    "pace": Spec(Where.WIRE, "SECONDS between two chunks of a stream", 0.02),
    "silence": Spec(Where.WIRE, "nothing at all for SECONDS, then the connection closes", 3600.0),
    "reset_before": Spec(Where.WIRE, "the connection is reset before any byte of the response", None, True),
    "reset_before_body": Spec(Where.WIRE, "headers, then a reset before the body", None, True),
    "reset_during_body": Spec(Where.WIRE, "headers and half the body, then a reset", None, True),
    "reset_after_body": Spec(Where.WIRE, "the whole body, then a reset before its end is marked", None, True),
    "reset_idle": Spec(Where.WIRE, "a complete response; SECONDS later its connection is reset", 0.05, True),
    "close_before": Spec(Where.WIRE, "the connection closes, in order, without a response", None, True),
    "answer_twice": Spec(Where.WIRE, "the response is sent twice on one connection", None, True),
    "truncated": Spec(Where.WIRE, "Content-Length promises more than is sent", None, True),
    "truncated_chunked": Spec(Where.WIRE, "chunked, without the last chunk", None, True),
}

_ANSWER = {
    "window_90": "valid JSON that says 90 days",
    "wrong_citation": "cites P-99, a policy line that was not supplied",
    "no_citation": "eligible, citing nothing",
    "not_eligible": "decides not_eligible",
    "not_specified": "decides not_specified",
    "unknown_decision": "a decision that is not in the enum",
    "string_window": 'rotation_window_days as the string "30"',
    "missing_field": "leaves out rotation_window_days",
    "extra_field": "adds a field that the schema does not have",
    "prose": "plain prose where JSON was asked for",
    "code_fence": "the JSON inside a Markdown code fence",
    "trailing_text": "the JSON followed by a remark",
    "bom": "a byte order mark before the JSON",
    "duplicate_keys": "the same JSON key twice, 90 and then 30",
    "nan": "NaN as the window",
    "huge_integer": "a window of 400 digits",
    "deep_nesting": "JSON nested 900 levels deep",
    "half_json": "finish reason says stop, yet the JSON is cut",
    "refusal": "the model refuses",
    "length": "stops at the token limit in the middle",
    "content_filter": "stopped by the content filter",
    "empty_content": "a normal stop with empty content",
    "other_account": "a sentence about another account",
    "claims_action": "a sentence that claims to have created the job",
    "no_usage": "an answer without usage",
    "unknown_finish": "a finish reason that no document names",
    "tool_other_account": "proposes the tool for another account than the facts name",
    "tool_unknown": "proposes a tool that was not offered",
    "tool_bad_json": "proposes the tool with arguments that are not JSON",
    "tool_injected": "proposes the tool whatever the decision, for the account in the customer's text",
}

_STREAM = {
    "drop": Spec(Where.STREAM, "the connection closes after CHUNKS chunks, its end unmarked", 2.0, True),
    "drop_reset": Spec(Where.STREAM, "the connection is reset after CHUNKS chunks", 2.0, True),
    "end_early": Spec(Where.STREAM, "the response ends in order after CHUNKS chunks", 2.0),
    "no_marker": Spec(Where.STREAM, "all the text, but no finish reason and no end marker"),
    "no_done": Spec(Where.STREAM, "everything but the very last marker"),
    "stream_error": Spec(Where.STREAM, "an error event after CHUNKS chunks", 2.0),
    "ping_storm": Spec(Where.STREAM, "PINGS keep-alives between two chunks", 50.0),
    "stall": Spec(Where.STREAM, "silence after CHUNKS chunks", 2.0),
    "split_utf8": Spec(Where.STREAM, "chunks split inside a UTF-8 character"),
    "split_bytes": Spec(Where.STREAM, "chunks of SIZE bytes, wherever they fall", 3.0),
    "refusal_midway": Spec(Where.STREAM, "half an answer, then a refusal"),
}

_JOB = {
    "background_failed": Spec(Where.JOB, "a background response that ends as failed"),
    "batch_takes": Spec(Where.JOB, "a batch that needs SECONDS; beyond 24 h it expires half done", 90000.0),
    "batch_fails": Spec(Where.JOB, "every NTH request of the batch fails", 3.0),
    "batch_all_fail": Spec(Where.JOB, "every request fails: completed, with no output file"),
    "batch_loses": Spec(Where.JOB, "N requests of the batch turn up in no file at all", 1.0),
}

_ACTION = {
    "lost_request": Spec(Where.ACTION, "the connection is reset before anything was done", None, True),
    "lost_response": Spec(Where.ACTION, "the job is created, the response is lost", None, True),
    "slow_effect": Spec(Where.ACTION, "the effect takes SECONDS; the same key meanwhile is a 409", 0.2),
    "apply_late": Spec(Where.ACTION, "answers 503 at once; the job is created SECONDS later", 0.2),
    "twice": Spec(Where.ACTION, "the effect takes place twice; the answer names the second"),
}

FAULTS: dict[str, Spec] = {
    **_status(),
    **_group(Where.BODY, _BODY),
    **_WIRE,
    **_group(Where.ANSWER, _ANSWER),
    **_STREAM,
    **_JOB,
    **_ACTION,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault on one request. `amount` is None where the fault takes no number."""

    name: str
    amount: float | None = None

    def __post_init__(self) -> None:
        spec = FAULTS.get(self.name)
        if spec is None:
            raise UnknownFault(self.name)
        if self.amount is None and spec.amount is not None:
            object.__setattr__(self, "amount", spec.amount)

    @property
    def where(self) -> Where:
        """The part of the answer that this fault touches."""
        return FAULTS[self.name].where

    @property
    def needs_socket(self) -> bool:
        """Whether it only exists on a real connection."""
        return FAULTS[self.name].needs_socket

    @property
    def number(self) -> float:
        """The fault's number, 0.0 where it takes none."""
        return self.amount or 0.0

    def __str__(self) -> str:
        return self.name if self.amount is None else f"{self.name}:{self.amount:g}"


class UnknownFault(LabkitError, ValueError):
    """A script names a fault that is not in FAULTS."""

    def __init__(self, seen: object) -> None:
        super().__init__(
            f"no fault is called {seen!r}; wanted a status code, 'ok' or one of: {', '.join(FAULTS)}"
        )


Plan = tuple[Fault, ...]
OK: Plan = ()
Entry = str | int | Fault | Mapping[str, Any] | Plan | None

_PART = re.compile(r"(?P<name>[a-z0-9_]+)(?::(?P<amount>\d+(?:\.\d+)?))?")


def parse(entry: Entry) -> Plan:
    """Turn one script entry into the faults of one request: ``"ok"`` -> (), ``429`` -> a status."""
    if entry is None or entry == "ok":
        return OK
    if isinstance(entry, Fault):
        return (entry,)
    if isinstance(entry, tuple):
        return entry
    if isinstance(entry, Mapping):
        return (Fault(str(entry.get("name")), entry.get("amount")),)
    return tuple(_part(part) for part in str(entry).split("+") if part != "ok")


def _part(text: str) -> Fault:
    match = _PART.fullmatch(text.strip())
    if match is None:
        raise UnknownFault(text)
    name, amount = match["name"], match["amount"]
    if re.fullmatch(r"[1-5]\d\d", name):
        # A bare 429 is the common case, and it is a rate limit.
        return Fault("rate_limit") if name == "429" else Fault("status", float(name))
    return Fault(name, float(amount) if amount else None)


def parse_all(entries: Iterable[Entry] | str) -> list[Plan]:
    """Every entry of a script; a lone string is a script of one."""
    return [parse(entries)] if isinstance(entries, str) else [parse(entry) for entry in entries]


def first(plan: Plan, where: Where) -> Fault | None:
    """The plan's fault that touches `where`, if it has one."""
    return next((fault for fault in plan if fault.where is where), None)


def names(plan: Plan) -> frozenset[str]:
    """The names in a plan, for membership tests."""
    return frozenset(fault.name for fault in plan)
