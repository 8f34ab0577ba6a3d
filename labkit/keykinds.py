r"""The one table of key kinds: what an API key looks like, and what only looks like one.

Without one table, the loader, the log filter and the leak scanner each grow their own list, and a key that
one of them knows walks past the others. A kind is a prefix, an alphabet and a length; a key *ends where its
alphabet ends*, so a key followed by ``<``, ``&``, ``,``, ``.`` or ``\"`` is still seen whole.

    kind = kind_of(value)                # a KeyKind or None, for one whole value
    for kind, start, end in find_keys(text): ...
    is_placeholder("your-api-key-here")  # True: documentation, not a credential
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

ALNUM = string.ascii_letters + string.digits
URLSAFE = ALNUM + "_-"
BASE64 = ALNUM + "+/"
LOWER_HEX = string.digits + "abcdef"
UPPER_DIGITS = string.ascii_uppercase + string.digits


class Run(NamedTuple):
    """``low`` to ``high`` characters of one alphabet."""

    alphabet: str
    low: int
    high: int


class OneOf(NamedTuple):
    """Exactly one of these literal texts."""

    choices: tuple[str, ...]


Part = str | Run | OneOf


@dataclass(frozen=True, slots=True)
class KeyKind:
    """One kind of credential. ``parts`` in order: a literal, a choice of literals or a run of an alphabet."""

    name: str
    provider: str
    parts: tuple[Part, ...]
    #: Made for production or administration only; a notebook has no business with it.
    production: bool = False

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The literal beginnings, by which the kind is recognised."""
        first = self.parts[0]
        return first.choices if isinstance(first, OneOf) else (str(first),)

    @property
    def pattern(self) -> str:
        """The regular expression of the whole key, with the end of its alphabet as its end."""
        last = self.parts[-1]
        alphabet = last.alphabet if isinstance(last, Run) else ""
        return "".join(map(_pattern, self.parts)) + f"(?![{re.escape(''.join({*alphabet, *ALNUM}))}])"


def _pattern(part: Part) -> str:
    if isinstance(part, OneOf):
        return "(?:" + "|".join(map(re.escape, part.choices)) + ")"
    if isinstance(part, Run):
        return f"[{re.escape(part.alphabet)}]{{{part.low},{part.high}}}"
    return re.escape(part)


def _kind(name: str, provider: str, *parts: Part, production: bool = False) -> KeyKind:
    return KeyKind(name, provider, parts, production)


_UUID = Run(LOWER_HEX + "-", 36, 36)

#: Longest prefixes first: ``sk-proj-`` must be tried before ``sk-``. Lengths are generous where a provider
#: has changed them before; alphabets are exact, since they decide where a key ends.
KEY_KINDS: tuple[KeyKind, ...] = (
    _kind("openai_project", "openai", "sk-proj-", Run(URLSAFE, 40, 220)),
    _kind("openai_service_account", "openai", "sk-svcacct-", Run(URLSAFE, 40, 220), production=True),
    _kind("openai_admin", "openai", "sk-admin-", Run(URLSAFE, 40, 220), production=True),
    _kind(
        "anthropic_admin",
        "anthropic",
        "sk-ant-admin",
        Run(string.digits, 2, 2),
        "-",
        Run(URLSAFE, 40, 140),
        production=True,
    ),
    _kind(
        "anthropic",
        "anthropic",
        "sk-ant-",
        OneOf(("api", "oat", "sid")),
        Run(string.digits, 2, 2),
        "-",
        Run(URLSAFE, 40, 140),
    ),
    _kind("openrouter", "openrouter", "sk-or-v1-", Run(LOWER_HEX, 64, 64)),
    _kind("langfuse", "langfuse", "sk-lf-", _UUID),
    _kind("openai_style", "openai", "sk-", Run(ALNUM, 32, 64)),
    _kind("groq", "groq", "gsk_", Run(ALNUM, 40, 64)),
    _kind("xai", "xai", "xai-", Run(ALNUM, 60, 100)),
    _kind("together", "together", "tgp_v1_", Run(URLSAFE, 40, 48)),
    _kind("huggingface", "huggingface", "hf_", Run(ALNUM, 30, 40)),
    _kind("nvidia", "nvidia", "nvapi-", Run(URLSAFE, 40, 80)),
    _kind("replicate", "replicate", "r8_", Run(ALNUM, 36, 40)),
    _kind("perplexity", "perplexity", "pplx-", Run(ALNUM, 40, 60)),
    _kind(
        "langsmith",
        "langsmith",
        OneOf(("lsv2_pt_", "lsv2_sk_")),
        Run(LOWER_HEX, 32, 32),
        "_",
        Run(LOWER_HEX, 10, 10),
    ),
    _kind("cerebras", "cerebras", "csk-", Run(ALNUM, 40, 60)),
    _kind("fireworks", "fireworks", "fw_", Run(ALNUM, 22, 32)),
    _kind("pinecone", "pinecone", "pcsk_", Run(ALNUM + "_", 50, 80)),
    _kind("tavily", "tavily", OneOf(("tvly-dev-", "tvly-prod-", "tvly-")), Run(ALNUM, 20, 48)),
    _kind("jina", "jina", "jina_", Run(ALNUM + "_-", 50, 70)),
    _kind("elevenlabs", "elevenlabs", "sk_", Run(LOWER_HEX, 48, 48)),
    _kind("gemini", "google", "AQ.", Run(URLSAFE, 40, 90)),
    _kind("google_api", "google", "AIza", Run(URLSAFE, 35, 35)),
    _kind("google_oauth", "google", "ya29.", Run(URLSAFE, 60, 300)),
    _kind("aws_access_key", "aws", OneOf(("AKIA", "ASIA")), Run(UPPER_DIGITS, 16, 16)),
    _kind("aws_bedrock", "aws", "ABSK", Run(BASE64, 100, 280)),
    _kind("databricks", "databricks", "dapi", Run(LOWER_HEX, 32, 32)),
    _kind("github_fine_grained", "github", "github_pat_", Run(ALNUM + "_", 60, 90)),
    _kind("github", "github", OneOf(("ghp_", "gho_", "ghu_", "ghs_", "ghr_")), Run(ALNUM, 36, 40)),
    _kind("gitlab", "gitlab", "glpat-", Run(URLSAFE, 20, 60)),
    _kind(
        "slack",
        "slack",
        OneOf(("xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxe-", "xapp-")),
        Run(ALNUM + "-", 24, 200),
    ),
    _kind("stripe_live", "stripe", OneOf(("sk_live_", "rk_live_")), Run(ALNUM, 24, 110), production=True),
    _kind("stripe_test", "stripe", OneOf(("sk_test_", "rk_test_")), Run(ALNUM, 24, 110)),
    _kind("sendgrid", "sendgrid", "SG.", Run(URLSAFE, 20, 24), ".", Run(URLSAFE, 40, 46)),
    _kind("npm", "npm", "npm_", Run(ALNUM, 36, 36)),
    _kind("pypi", "pypi", "pypi-AgEI", Run(URLSAFE, 60, 250)),
    _kind("vault", "hashicorp", "hvs.", Run(URLSAFE, 24, 140)),
    _kind("digitalocean", "digitalocean", "dop_v1_", Run(LOWER_HEX, 64, 64)),
    _kind("supabase", "supabase", "sbp_", Run(LOWER_HEX, 40, 40)),
    _kind("linear", "linear", "lin_api_", Run(ALNUM, 40, 40)),
)

#: Every literal beginning of a key, for a quick look before the regular expressions.
PREFIXES: tuple[str, ...] = tuple(sorted({prefix for kind in KEY_KINDS for prefix in kind.prefixes}))

# A key starts after anything that is not a letter or a digit, or right after an escape such as \n or %22,
# whose last character only looks like the start of a word.
_LEFT = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbfv])|(?<=%[0-9A-Fa-f]{2})|(?<=\\u00[0-9a-f]{2})|(?<=\\x[0-9a-f]{2}))"


@cache
def _any_key() -> re.Pattern[str]:
    return re.compile(
        _LEFT + "(?:" + "|".join(f"(?P<{kind.name}>{kind.pattern})" for kind in KEY_KINDS) + ")"
    )


@cache
def _by_name() -> dict[str, KeyKind]:
    return {kind.name: kind for kind in KEY_KINDS}


def find_keys(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[KeyKind, int, int]]:
    """Each key in ``text``: its kind, start and end. Placeholders and documented examples are left out."""
    for match in _any_key().finditer(text, start, len(text) if end is None else end):
        kind = _by_name()[str(match.lastgroup)]
        if not is_placeholder(match.group()):
            yield kind, match.start(), match.end()


def key_at(text: str, at: int) -> tuple[KeyKind, int, int] | None:
    """The key that begins exactly at ``at``, if one does."""
    match = _any_key().match(text, at)
    if match is None or is_placeholder(match.group()):
        return None
    return _by_name()[str(match.lastgroup)], match.start(), match.end()


def kind_of(value: str) -> KeyKind | None:
    """The kind of one whole value, or None. A placeholder has no kind."""
    match = _any_key().fullmatch(value)
    return None if match is None or is_placeholder(value) else _by_name()[str(match.lastgroup)]


_STAND_INS = frozenset(
    ("changeme", "change-me", "secret", "password", "token", "apikey", "api-key", "api_key", "placeholder")
)
_TELLTALE = re.compile(
    r"example|placeholder|your|change[-_ ]?me|replace[-_ ]?(?:me|this|with)|insert[-_ ]|"
    r"dummy|redacted|not-a-|key[-_ ]?here|goes[-_ ]?here|"
    r"<[^>]*>|\$\{|\{\{|\.\.\.|…|\*{3}|[x•]{5}|0{8}|deadbeef",
    re.IGNORECASE,
)
_RUNS = (
    string.digits * 2,
    "1234567890" * 2,
    string.ascii_lowercase * 2,
    "abcdef0123456789" * 2,
    "qwertyuiopasdfghjkl",
)


def is_placeholder(value: str) -> bool:
    """Whether a value stands in for a key: empty, ``changeme``, ``sk-…``, ``sk-xxxxx``, a documented example.

    A real key is random. So few different characters, a counted run (``12345678``, ``abcdefgh``) or a word
    that documentation uses give a placeholder away.
    """
    text = value.strip().strip("\"'")
    lowered = text.lower()
    if len(text) < 6 or lowered in _STAND_INS or lowered.rstrip("-_. ") in ("sk", "sk-proj", "sk-ant"):
        return True
    return bool(_TELLTALE.search(text)) or _too_regular(lowered)


def _too_regular(lowered: str) -> bool:
    tail = lowered[-24:]
    if len(lowered) >= 12 and len(set(tail)) < 6:
        return True
    eights = {lowered[i : i + 8] for i in range(len(lowered) - 7)}
    return any(eight in run for run in _RUNS for eight in eights)


def make_fake(kind: KeyKind, random: Callable[[], float]) -> str:
    """A value with the shape of ``kind``, drawn from ``random`` in [0, 1). It opens nothing."""
    return "".join(_fake_part(part, random) for part in kind.parts)


def _fake_part(part: Part, random: Callable[[], float]) -> str:
    if isinstance(part, OneOf):
        return part.choices[int(random() * len(part.choices))]
    if isinstance(part, Run):
        length = part.low + int(random() * (part.high - part.low + 1))
        return "".join(part.alphabet[int(random() * len(part.alphabet))] for _ in range(length))
    return part
