"""How many tokens a call used, in buckets that share nothing.

Without it, cached tokens are billed twice with one provider and not at all with the other:
OpenAI's input count *includes* cached tokens, Anthropic's *excludes* them. Buckets are made
disjoint by subtraction here, once, and a bucket that would be negative is refused.

    Usage.from_openai({"prompt_tokens": 1000, "completion_tokens": 80,
                       "prompt_tokens_details": {"cached_tokens": 600}})
    # Usage(input_tokens=400, cache_read_tokens=600, output_tokens=80, ...)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from labkit.failures import LabkitError

__all__ = ["BadUsage", "CostError", "MissingUsage", "Usage"]


class CostError(LabkitError):
    """A cost that cannot be stated truthfully; the message names the value seen and the fix."""


class MissingUsage(CostError):
    """The reply carried no usage. Record it as unknown: unknown is not zero."""


class BadUsage(CostError):
    """A count that is negative, not an int, or at odds with another count."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call in buckets that share nothing, so that a bill is a plain sum.

    `output_tokens` includes reasoning, which is billed as output; `reasoning_tokens` only says
    how much of it was reasoning. `cache_write_tokens` are the writes kept for five minutes (or
    for the provider's default), `cache_write_1h_tokens` the dearer ones kept for an hour.
    """

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_1h_tokens: int = 0

    def __post_init__(self) -> None:
        for name in _BUCKETS:
            _count(getattr(self, name), name)
        if self.reasoning_tokens > self.output_tokens:
            raise BadUsage(
                f"reasoning_tokens {self.reasoning_tokens} exceeds output_tokens "
                f"{self.output_tokens}; reasoning is a part of the output"
            )

    @property
    def total_input_tokens(self) -> int:
        """Everything the model read: uncached, cached and newly cached."""
        return (
            self.input_tokens + self.cache_read_tokens + self.cache_write_tokens + self.cache_write_1h_tokens
        )

    def __add__(self, other: Usage) -> Usage:
        """Sum two attempts, bucket by bucket."""
        return Usage(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Usage)))

    @classmethod
    def from_openai(cls, usage: Mapping[str, Any] | None) -> Usage:
        """Read `usage` of a chat completion or of a response: input *includes* cached tokens.

        prompt_tokens=1000, cached_tokens=600 -> input_tokens=400, cache_read_tokens=600
        """
        found = _present(usage)
        chat = "prompt_tokens" in found
        side_in, side_out = ("prompt", "completion") if chat else ("input", "output")
        total_in = _required(found, f"{side_in}_tokens")
        total_out = _required(found, f"{side_out}_tokens")
        _same_total(found, total_in, total_out)
        details_in = _details(found, f"{side_in}_tokens_details")
        details_out = _details(found, f"{side_out}_tokens_details")
        _text_only(details_in, details_out)
        read = _optional(details_in, "cached_tokens")
        write = _optional(details_in, "cache_write_tokens")
        return cls(
            input_tokens=_rest(total_in, read + write, f"{side_in}_tokens", "its cached tokens"),
            cache_read_tokens=read,
            cache_write_tokens=write,
            output_tokens=total_out,
            reasoning_tokens=_optional(details_out, "reasoning_tokens"),
        )

    @classmethod
    def from_anthropic(cls, usage: Mapping[str, Any] | None) -> Usage:
        """Read `usage` of a message: input *excludes* cached tokens.

        input_tokens=400, cache_read_input_tokens=600 -> input_tokens=400, cache_read_tokens=600
        """
        found = _present(usage)
        written = _optional(found, "cache_creation_input_tokens")
        for_an_hour = _optional(_details(found, "cache_creation"), "ephemeral_1h_input_tokens")
        return cls(
            input_tokens=_required(found, "input_tokens"),
            cache_read_tokens=_optional(found, "cache_read_input_tokens"),
            cache_write_tokens=_rest(
                written, for_an_hour, "cache_creation_input_tokens", "ephemeral_1h_input_tokens"
            ),
            output_tokens=_required(found, "output_tokens"),
            reasoning_tokens=_optional(_details(found, "output_tokens_details"), "thinking_tokens"),
            cache_write_1h_tokens=for_an_hour,
        )


_BUCKETS = tuple(f.name for f in fields(Usage))


def _count(value: object, name: str) -> int:
    # type() and not isinstance(): True is an int, and no count.
    if type(value) is not int:
        raise BadUsage(f"{name} is a {type(value).__name__}; wanted an int of 0 or more")
    if value < 0:
        raise BadUsage(f"{name} is {value}; wanted an int of 0 or more")
    return value


def _present(usage: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if usage is None:
        raise MissingUsage("the reply has no usage; record the call's usage as None, not 0")
    if not isinstance(usage, Mapping):
        raise BadUsage(f"usage is a {type(usage).__name__}; wanted the reply's usage object")
    return usage


def _required(found: Mapping[str, Any], name: str) -> int:
    if found.get(name) is None:
        raise MissingUsage(f"usage has no {name}; record the call's usage as None, not 0")
    return _count(found[name], name)


def _optional(found: Mapping[str, Any], name: str) -> int:
    value = found.get(name)
    return 0 if value is None else _count(value, name)


def _details(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    return {} if value is None else _present(value)


def _rest(total: int, part: int, total_name: str, part_name: str) -> int:
    if part > total:
        raise BadUsage(f"{total_name} {total} is less than {part_name}, {part}")
    return total - part


def _same_total(found: Mapping[str, Any], total_in: int, total_out: int) -> None:
    total = found.get("total_tokens")
    if total is not None and _count(total, "total_tokens") != total_in + total_out:
        raise BadUsage(f"total_tokens {total} is not input {total_in} + output {total_out}")


def _text_only(*details: Mapping[str, Any]) -> None:
    for side in details:
        if _optional(side, "audio_tokens"):
            raise BadUsage(f"{side['audio_tokens']} audio tokens; only text is priced here")
