"""What a request asks for, read once, whichever API it came through.

The two APIs nest the same question differently. Reading each into one `Prompt` keeps the answer
in one place, so both give the same decision on the same evidence.

    prompt = Prompt(system, user, task="rotation_decision")
    prompt.policy_lines   # {"P-7": "Stale service-account keys …"}
    prompt.facts          # {"account_id": "acct_10234", …}
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

_LINE = re.compile(r"^([A-Z]{1,4}-\d+): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Tool:
    """A tool that the caller offers: its name and the JSON schema of its arguments."""

    name: str
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Segment:
    """One piece of the prompt, in reading order. `ttl` (seconds) marks the end of a prefix to be cached."""

    text: str
    ttl: int | None = None


@dataclass(frozen=True)
class Prompt:
    """A request without its wire format. `task` is the name of the schema or of the forced tool."""

    system: str = ""
    user: str = ""
    task: str | None = None
    schema: Mapping[str, Any] | None = None
    wants_json: bool = False
    tools: tuple[Tool, ...] = ()
    may_call: bool = True
    must_call: str | None = None
    has_tool_result: bool = False
    max_tokens: int | None = None
    segments: tuple[Segment, ...] = ()
    cache_key: str = ""

    @property
    def evidence(self) -> str:
        """What the app supplied: everything before the question, so a customer cannot add to it."""
        return self.user.partition("\n\nQuestion:\n")[0]

    @cached_property
    def policy_lines(self) -> dict[str, str]:
        """The supplied policy lines by id."""
        return dict(_LINE.findall(self.evidence))

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The one JSON line under "Account facts:", or {}."""
        rest = self.evidence.partition("Account facts:\n")[2]
        try:
            facts = json.loads(rest.partition("\n")[0])
        except (ValueError, RecursionError):
            return {}
        return facts if isinstance(facts, dict) else {}

    @property
    def question(self) -> str:
        """What the customer wrote. It decides nothing, except on command: see the fault "tool_injected"."""
        return self.user.partition("\n\nQuestion:\n")[2]

    @property
    def asks_for_json(self) -> bool:
        """Whether the answer should be JSON: by schema, by mode, or because the text says so."""
        return self.wants_json or self.schema is not None or "json" in self.system.lower()
