"""The fields and events that the kit itself writes, each with its type.

Without one table, each log line decides for itself what may be in it. Vocabularies are closed and
stand in `logfields.toml`; to write more, extend the list where you configure logging:

    MINE = LABKIT.extend(events=("rotation_decided",), days=integer(0, 400))
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from labkit.allowlist import (
    Allowlist,
    Check,
    boolean,
    each,
    fingerprint,
    identifier,
    integer,
    matching,
    model_slug,
    money_amount,
    number,
    one_of,
    phrase,
    rows,
    timestamp,
)
from labkit.failures import NEXT_STEP, Kind

__all__ = ["ATTEMPT_FIELDS", "LABKIT", "RECORD_FIELDS"]

_WORDS: dict[str, list[str]] = tomllib.loads(Path(__file__).with_name("logfields.toml").read_text("utf-8"))

_kind = one_of(*Kind)
_model = model_slug(*_WORDS["model_families"])
_provider = one_of(*_WORDS["providers"])
_provider_id = identifier(*_WORDS["provider_ids"], longest=64)
_finish = one_of(*_WORDS["finish_reasons"])
_reason = phrase(_WORDS["reason_words"])
_count = integer(0, 1000)
_http_status = integer(100, 599)
_tokens = integer()
_ms = number()
_seconds = number(0, 1e6)

#: One attempt, as `Attempt.as_row` writes it.
ATTEMPT_FIELDS: Mapping[str, Check] = MappingProxyType(
    {
        "number": _count,
        "started_ms": _ms,
        "latency_ms": _ms,
        "status": one_of("ok", "failed"),
        "kind": _kind,
        "reason": _reason,
        "http_status": _http_status,
        "provider": _provider,
        "model": _model,
        "request_id": _provider_id,
        "ceiling_s": _seconds,
        "delay_s": _seconds,
        "finish_reason": _finish,
        "first_chunk_ms": _ms,
        "chunks": _tokens,
        "longest_gap_ms": _ms,
        "input_tokens": _tokens,
        "output_tokens": _tokens,
        "cache_read_tokens": _tokens,
        "cache_write_tokens": _tokens,
        "cache_write_1h_tokens": _tokens,
        "reasoning_tokens": _tokens,
    }
)

#: One call, as `CallRecord.as_row` writes it.
RECORD_FIELDS: Mapping[str, Check] = MappingProxyType(
    {
        "trace_id": identifier(*_WORDS["trace_ids"]),
        "task": one_of(*_WORDS["tasks"]),
        "model": _model,
        "prompt_version": matching(r"[a-z][a-z_]{0,40}@[1-9]\d{0,3}"),
        "latency_ms": _ms,
        "input_tokens": _tokens,
        "output_tokens": _tokens,
        "status": _kind,
        "reason": _reason,
        "provider": _provider,
        "response_model": _model,
        "response_id": _provider_id,
        "finish_reason": _finish,
        "streamed": boolean,
        "retries": _count,
        "cache_read_tokens": _tokens,
        "cache_write_tokens": _tokens,
        "cache_write_1h_tokens": _tokens,
        "reasoning_tokens": _tokens,
        "unreported_attempts": _count,
        "cost": money_amount,
        "rate_card": matching(r"[a-z][a-z0-9._-]{0,40}@sha256:[0-9a-f]{12}"),
        "at": timestamp,
        "question_fingerprint": fingerprint,
        "attempts": rows(Allowlist(ATTEMPT_FIELDS)),
    }
)

#: What the kit logs: a record's fields, and those of single events.
LABKIT = Allowlist(
    MappingProxyType(
        {
            **RECORD_FIELDS,
            "account_id": identifier(*_WORDS["account_ids"]),
            "attempt": _count,
            "error": matching(
                r"[A-Z][A-Za-z]{0,40}(?:Error|Exception|Interrupt|Exit|Group|Expired|Full|Warning)"
            ),
            "sink": matching(r"[A-Z][A-Za-z]{0,30}Sink|function|method|builtin_function_or_method"),
            "decision": one_of(*_WORDS["decisions"]),
            "delay_s": _seconds,
            "http_status": _http_status,
            "kind": _kind,
            "lost_records": integer(),
            "next_step": one_of(*NEXT_STEP.values()),
            "policy_line_ids": each(matching(r"P-\d{1,4}")),
            "rotation_window_days": integer(0, 3650),
        }
    ),
    frozenset(_WORDS["events"]),
)
