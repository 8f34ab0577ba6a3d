"""Makes log events that carry something sensitive, and clean ones that do not; seeded, at run time.

Each sensitive event is a call on a logger and the values that must not come out of it. Nothing here is
a real key, person or account: keys are drawn from the shapes in `labkit.keykinds`.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from labkit.failures import Kind
from labkit.keykinds import KEY_KINDS, make_fake

# A call on a logger, told apart from the logger, so that each one runs on several logging systems.
Log = Callable[[Any], None]


@dataclass(frozen=True)
class Event:
    """One log call: how it is made, what must not come out, and what must."""

    how: str
    log: Log
    secrets: tuple[str, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)


class Order:
    """A product's object whose text form shows everything."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def __repr__(self) -> str:
        return f"Order(note={self.secret!r})"

    __str__ = __repr__


def secrets(rng: random.Random) -> Iterator[str]:
    """Keys of every kind, and what customers write."""
    for kind in KEY_KINDS:
        yield make_fake(kind, rng.random)
    digits = lambda n: "".join(rng.choice("0123456789") for _ in range(n))  # noqa: E731
    word = lambda n: "".join(rng.choice("abcdefghijkmnpqrstuvwxyz") for _ in range(n))  # noqa: E731
    for _ in range(8):
        yield f"{word(7)}.{word(9)}@{word(6)}.example"
        yield f"4{digits(3)} {digits(4)} {digits(4)} {digits(4)}"
        yield f"+44 20 {digits(4)} {digits(4)}"
        yield f"my daughter {word(8).title()} has {word(9)}, please close account {digits(8)}"
        yield f"https://{word(6)}:{word(12)}@db.{word(7)}.internal/{word(5)}?token={word(24)}"
        yield f"Dear {word(7).title()},\nyour new password is {word(14)}\n-- \n{word(10).title()}"
        yield base64.b64encode(word(24).encode()).decode()
        yield word(26)


def traces(secret: str) -> Iterator[str]:
    """The forms in which a secret is still a secret."""
    lines = [line for line in secret.splitlines() if len(line) >= 8] or [secret]
    for line in lines:
        yield line
        yield json.dumps(line)[1:-1]
        yield quote(line)
        yield line.encode().hex()
        for pad in range(3):  # base64 of the text, wherever it starts within three bytes
            yield base64.b64encode(b"x" * pad + line.encode()).decode()[4 if pad else 0 : -4]
        yield line.encode().decode("utf-8").upper()
        for start in range(0, max(1, len(line) - 11), 6):
            yield line[start : start + 12]


def leaked(event: Event, output: str) -> str | None:
    """The form of a secret that stands in the output, or None."""
    folded = output.lower()
    for secret in event.secrets:
        for form in traces(secret):
            if form and form.lower() in folded:
                return form
    return None


def _raise(error: BaseException, local: object = None) -> None:
    held = local  # a local that a traceback with values would show
    raise error from (held if isinstance(held, BaseException) else None)


def _exception(log: Any, error: BaseException, **extra: Any) -> None:
    try:
        _raise(error, "".join(map(str, error.args)))
    except BaseException:
        log.exception("call_failed", **extra)


def _chained(log: Any, secret: str) -> None:
    try:
        try:
            int(secret)
        except ValueError as error:
            raise KeyError(secret) from error
    except KeyError:
        log.exception("call_failed")


def _grouped(log: Any, secret: str) -> None:
    try:
        _raise(ExceptionGroup(secret, [ValueError(secret), OSError(2, secret, secret)]))
    except ExceptionGroup:
        log.exception("call_failed")


def _named_after_it(log: Any, secret: str) -> None:
    kind = type("Z" + "".join(c if c.isalnum() else "_" for c in secret), (ValueError,), {})
    _exception(log, kind("x"))


def _noted(log: Any, secret: str) -> None:
    error = ValueError("x")
    error.add_note(secret)
    _exception(log, error)


def _from_code(log: Any, secret: str) -> None:
    name = "f" + "".join(c if c.isalnum() else "_" for c in secret)
    scope: dict[str, Any] = {}
    exec(compile(f"def {name}():\n    raise ValueError", f"/home/{secret}/x.py", "exec"), scope)
    try:
        scope[name]()
    except ValueError:
        log.exception("call_failed")


WAYS: dict[str, Callable[[str], Log]] = {
    "in the message": lambda s: lambda log: log.info(f"asked: {s}"),  # noqa: G004
    "as the message": lambda s: lambda log: log.warning(s),
    "as an argument": lambda s: lambda log: log.info("asked %s", s),
    "as a dict argument": lambda s: lambda log: log.info("asked %(q)s", {"q": s}),
    "after an event name": lambda s: lambda log: log.info("call_finished %s", s),
    "wrong arguments": lambda s: lambda log: log.error("asked %d %d", s),  # noqa: PLE1206
    "an undeclared field": lambda s: lambda log: log.info("call_finished", extra={"prompt": s}),
    "as a field's name": lambda s: lambda log: log.info("call_finished", extra={s: 1}),
    "nested": lambda s: lambda log: log.info("call_finished", extra={"ctx": {"a": [{"b": s}]}}),
    "an object": lambda s: lambda log: log.info("call_finished", extra={"order": Order(s)}),
    "an object as argument": lambda s: lambda log: log.info("asked %r", Order(s)),
    "an object as message": lambda s: lambda log: log.info(Order(s)),
    "bytes": lambda s: lambda log: log.info("call_finished", extra={"body": s.encode()}),
    "bytes as argument": lambda s: lambda log: log.info("body %r", s.encode()),
    "headers": lambda s: (
        lambda log: log.debug("call_started", extra={"headers": [("authorization", f"Bearer {s}")]})
    ),
    "in model": lambda s: lambda log: log.info("call_finished", extra={"model": s}),
    "behind a model": lambda s: lambda log: log.info("call_finished", extra={"model": f"gpt-4o {s}"}),
    "behind a model's maker": lambda s: (
        lambda log: log.info("call_finished", extra={"response_model": f"openai/gpt-4o/{s}"})
    ),
    "in trace_id": lambda s: lambda log: log.info("call_finished", extra={"trace_id": s}),
    "behind trace_": lambda s: lambda log: log.info("call_finished", extra={"trace_id": f"trace/{s}"}),
    "in account_id": lambda s: lambda log: log.info("call_finished", extra={"account_id": s}),
    "in status": lambda s: lambda log: log.info("call_failed", extra={"status": s}),
    "in reason": lambda s: lambda log: log.info("call_failed", extra={"reason": s}),
    "behind a reason": lambda s: lambda log: log.info("call_failed", extra={"reason": f"crashed:{s}"}),
    "in task": lambda s: lambda log: log.info("call_failed", extra={"task": s}),
    "in prompt_version": lambda s: lambda log: log.info("x", extra={"prompt_version": s + "@2"}),
    "in latency_ms": lambda s: lambda log: log.info("call_finished", extra={"latency_ms": s}),
    "in input_tokens": lambda s: lambda log: log.info("call_finished", extra={"input_tokens": [s]}),
    "in cost": lambda s: lambda log: log.info("call_finished", extra={"cost": s}),
    "in at": lambda s: lambda log: log.info("call_finished", extra={"at": s}),
    "in streamed": lambda s: lambda log: log.info("call_finished", extra={"streamed": s}),
    "in request_id": lambda s: lambda log: log.info("call_finished", extra={"response_id": s}),
    "in a fingerprint": lambda s: (
        lambda log: log.info("call_finished", extra={"question_fingerprint": f"hmac-sha256:k:{s}"})
    ),
    "in an attempt": lambda s: (
        lambda log: log.info(
            "call_finished", extra={"attempts": [{"number": 1, "reason": s, "body": s, "model": s}]}
        )
    ),
    "instead of an attempt": lambda s: lambda log: log.info("call_finished", extra={"attempts": [s, [s]]}),
    "in policy_line_ids": lambda s: lambda log: log.info("x", extra={"policy_line_ids": ("P-7", s)}),
    "a str subclass": lambda s: (
        lambda log: log.info(
            "call_finished", extra={"model": type("M", (str,), {"__str__": lambda _: s})("gpt-4o" + s)}
        )
    ),
    "an int of digits": lambda s: (
        lambda log: log.info(
            "call_finished",
            extra={"latency_ms": int.from_bytes(s.encode()), "output_tokens": 4111_1111_1111_1111},
        )
    ),
    "an exception's text": lambda s: lambda log: _exception(log, ValueError(s)),
    "an exception's arguments": lambda s: lambda log: _exception(log, OSError(13, s, s)),
    "an exception's field": lambda s: lambda log: _exception(log, ValueError(SimpleNamespace(key=s))),
    "an exception and a field": lambda s: lambda log: _exception(log, ValueError(s), extra={"url": s}),
    "a chained exception": lambda s: lambda log: _chained(log, s),
    "an exception group": lambda s: lambda log: _grouped(log, s),
    "an exception's note": lambda s: lambda log: _noted(log, s),
    "an exception's class name": lambda s: lambda log: _named_after_it(log, s),
    "a path and a function": lambda s: lambda log: _from_code(log, s.replace("\0", "").replace("\n", " ")),
    "the stack": lambda s: lambda log: log.info(f"at {s}", stack_info=True),  # noqa: G004
}


def sensitive_events(seed: int = 6, each: int = 6) -> list[Event]:
    """`each` events of every way, with different secrets."""
    rng = random.Random(seed)
    pool = list(secrets(rng))
    return [
        Event(how, way(secret), (secret,))
        for how, way in WAYS.items()
        for secret in (rng.choice(pool) for _ in range(each))
    ]


def clean_events(seed: int = 7, count: int = 250) -> list[Event]:
    """Events of declared fields with right values: every one must come out as it went in."""
    rng = random.Random(seed)
    return [_clean(rng, number) for number in range(count)]


def _clean(rng: random.Random, number: int) -> Event:
    hexes = f"{rng.getrandbits(128):032x}"
    uuid4 = f"{hexes[:8]}-{hexes[8:12]}-4{hexes[13:16]}-a{hexes[17:20]}-{hexes[20:]}"
    everything: dict[str, Any] = {
        "trace_id": rng.choice([f"trace_acct_{number}_01", uuid4, f"t{number}", f"req-{number}-{hexes[:6]}"]),
        "account_id": f"acct_{number}",
        "task": rng.choice(["decide_rotation", "summarize_scan", "draft_reply"]),
        "model": rng.choice(
            [
                "gpt-4o-mini",
                "gpt-4.1",
                "claude-sonnet-4-5-20250929",
                "practice-model",
                "openai/o3",
                "llama-3.1-8b",
            ]
        ),
        "response_model": rng.choice(["gpt-4o-2024-08-06", "gemini-2.5-pro", None]),
        "response_id": rng.choice([f"chatcmpl-{hexes[:29]}", f"msg_01{hexes[:22]}", f"req_{hexes}", uuid4]),
        "prompt_version": f"rotation_decision@{rng.randint(1, 99)}",
        "latency_ms": round(rng.random() * 20_000, 3),
        "input_tokens": rng.randint(0, 200_000),
        "output_tokens": rng.randint(0, 4_000),
        "cache_read_tokens": rng.randint(0, 4_000),
        "reasoning_tokens": rng.randint(0, 4_000),
        "status": str(rng.choice(list(Kind))),
        "reason": rng.choice(
            [
                "",
                "retries_exhausted",
                "unsupported window; repeated source",
                "http_503",
                "cancelled:CancelledError",
            ]
        ),
        "provider": rng.choice(["openai", "anthropic"]),
        "finish_reason": rng.choice(["stop", "length", "end_turn", "refusal"]),
        "streamed": rng.random() < 0.5,
        "retries": rng.randint(0, 5),
        "unreported_attempts": rng.randint(0, 5),
        "cost": str(Decimal(rng.randint(1, 10**7)).scaleb(-9).normalize().__format__("f")),
        "rate_card": f"illustrative-2026-01@sha256:{hexes[:12]}",
        "question_fingerprint": f"hmac-sha256:2026-11:{hexes}{hexes}",
        "decision": rng.choice(["eligible", "not_eligible", "not_specified"]),
        "rotation_window_days": 30,
        "next_step": "show_retry_option",
        "policy_line_ids": ["P-7", f"P-{number}"],
        "attempts": [
            {"number": 1, "latency_ms": 3.5, "status": "failed", "kind": "rate_limited", "http_status": 429},
            {"number": 2, "latency_ms": 3.5, "status": "ok", "kind": "ok", "delay_s": rng.random()},
        ],
    }
    names = sorted(rng.sample(sorted(everything), rng.randint(3, len(everything))))
    fields = {name: everything[name] for name in names}
    return Event("clean", lambda log: log.info("call_finished", extra=fields), fields=fields)
