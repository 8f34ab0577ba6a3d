"""Secrets without a prefix: a random-looking value under a name that says what it is.

Many providers' keys are 32 plain letters and digits. A scanner that flags every such string drowns in hashes
and ids and is switched off within a week; one that flags none misses a third of the keys. The name decides:
``api_key`` and ``auth_token`` are flagged, ``cache_key``, ``token_hash`` and ``next_page_token`` are not.

    for kind, start, end in assigned_secrets(text, start, end): ...
    looks_random("q7Zt…")              # True for a key, False for an identifier, a path, a UUID
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from labkit.keykinds import is_placeholder

#: How far before a value its name may begin.
_REACH = 96
_WORDS = ("key", "token", "secret", "pass", "pwd", "auth", "bearer", "credential")

_NAME = r"""
(?:(?<![A-Za-z0-9])|(?-i:(?<=[a-z0-9])(?=[A-Z])))
(?P<name>
    (?:api|secret|access|account|subscription|auth|service|master|signing|encryption|admin|license|webhook
       |openai|azure|mistral|cohere|anthropic|gemini|deepseek|datadog|dd|twilio|wandb|ai21|voyage|algolia)
        [_\ -]?(?:api[_-]?)?(?:access[_-]?|secret[_-]?|account[_-]?)?key
  | (?:client|app|application|consumer|shared|webhook|signing|oauth|jwt|session)[_-]?secret | secret
  | (?:[a-z0-9]+[_-])*? (?:token|passwd|password|passphrase|pwd|credential)
  | authorization | bearer
)
(?:[_-]?(?:dev|prod|test|staging|live|primary|secondary|main|old|new|[0-9]{1,2}))?
(?![A-Za-z0-9_/+-])
"""
_QUOTES = r"""(?:["'`*\\\])]|&quot;|&\#39;|&\#x27;|&\#34;)*"""
_TAGS = r"(?:\s*<[^<>]{1,60}>)*"
_BETWEEN = rf"""
{_QUOTES} {_TAGS} (?:\s+(?:is|was|provided|value|set\ to)\b)?
\s* (?:=>|:=|==|[=:,|])? {_TAGS} \s* [(\[]? [bfru]? {_QUOTES}
(?:(?:bearer|basic|token|api-?key)\s+)?
"""
_ASSIGNED = re.compile(
    _NAME + _BETWEEN + r"(?P<value>[A-Za-z0-9_\-+/.~]{20,200}={0,2})(?![A-Za-z0-9_=(\[@])",
    re.VERBOSE | re.IGNORECASE,
)
_NOT_SECRET = re.compile(
    r"(?:page|next|csrf|xsrf|sync|continuation|cursor|cache|dedup|idempotency|public|publishable|resume|pad|eos|bos|mask"
    r"|sep|unk|cls|start|end|stop|special|previous|prev|max|min|num|no|per|state)[_-]?token",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s:/@]{1,60}:(?P<value>[^\s:/@]{10,100})$")


def assigned_secrets(text: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Secrets by name in the run ``text[start:end]``: kind, start and end of each value."""
    begin = max(0, start - _REACH)
    window = text[begin : min(end, start + 400) + 1]
    lowered = window.lower()
    if any(word in lowered for word in _WORDS):
        for match in _ASSIGNED.finditer(window):
            value = match.group("value").rstrip(".")
            at = begin + match.start("value")
            if at + len(value) > start and not _NOT_SECRET.search(match.group("name")) and _is_secret(value):
                yield "assigned_secret", at, at + len(value)
    if text[end : end + 1] == "@":
        address = _URL_PASSWORD.search(text, max(begin, start - 8), end)
        if address is not None and _is_secret(unquote(address.group("value")), shortest=10):
            yield "url_password", address.start("value"), address.end("value")


def _is_secret(value: str, shortest: int = 20) -> bool:
    return len(value) >= shortest and looks_random(value) and not is_placeholder(value)


_UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CHUNKS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def looks_random(value: str) -> bool:
    """Whether a value is drawn rather than written: digits among letters, short chunks, varied characters."""
    if _UUID.fullmatch(value) or value.count("/") > 3 or value.count(".") > 2:
        return False
    digits = sum(character.isdigit() for character in value)
    if digits < 2 or digits == len(value) or len(set(value)) < 8:
        return False
    if sum(part.isalpha() and len(part) > 2 for part in re.split(r"[-_./+~]", value)) > 1:
        return False  # words joined by punctuation
    chunks = _CHUNKS.findall(value)
    return sum(map(len, chunks)) / len(chunks) <= 3.5
