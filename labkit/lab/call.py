"""`labkit call`: the course's one call, to the practice provider or, when you say so, to a real one.

A script that goes live because a variable happens to be set spends money by accident. So going live is asked
for by name, under a cap for the day that is on unless you change it, shared by every process.

    labkit call                        # the practice provider, no key
    labkit call --live                 # LLM_API_KEY, LLM_BASE_URL, LLM_PROVIDER, LLM_MODEL
    labkit call --live --record my.jsonl
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from labkit.boundary import Boundary, adapter_named
from labkit.contracts import Answer, Outcome
from labkit.costs import CostError, DatedRates, RateCard, Rates, cost
from labkit.failures import LabkitError
from labkit.flow import Policy
from labkit.genai_rates import genai_card
from labkit.hygiene import refuse_production
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.provider import practice
from labkit.lab.tape import Recorder
from labkit.prompts import Models, prompt_for
from labkit.secrets import Settings, load_settings
from labkit.spending import Budget, worst_cost
from labkit.transport import Http

CAP = Decimal("0.50")  # US dollars a day
# A model whose price nobody knows is counted at rates that few exceed, so that the cap still caps.
UNKNOWN_PRICE = Rates(Decimal(15), Decimal(75))
CHARACTERS_A_TOKEN = 3  # a cautious estimate: English has about four


class NotLive(LabkitError):
    """A live call lacks a setting. The message names the variables, never a value."""


def call_practice(
    provider: str = "openai", script: tuple[str, ...] = (), record: Path | None = None
) -> Outcome[Any]:
    """The course's call to the practice provider."""
    adapter = adapter_named(provider)
    with practice(script=list(script)) as server:
        transport = Http(server.base_url, adapter.auth_headers(server.key))
        return _call(adapter, transport, "practice-model", record)


def call_live(
    settings: Settings,
    *,
    cap: Decimal = CAP,
    ledger: Path,
    record: Path | None = None,
    today: Callable[[], date] = lambda: datetime.now(UTC).date(),
) -> Outcome[Any]:
    """The course's call to the provider in the settings, if the day's cap has room for it.

    The worst case is reserved before and settled after; a call without reported usage keeps all of it.
    Raises `NotLive`, or `BudgetExceeded` before anything is sent.
    """
    refuse_production(settings)
    lacking = [
        name
        for name, value in (("LLM_BASE_URL", settings.base_url), ("LLM_MODEL", settings.model))
        if not value
    ]
    if lacking or settings.base_url is None or settings.model is None:
        raise NotLive(f"a live call needs {' and '.join(lacking)}: set them in the environment or in .env")
    adapter = adapter_named(settings.provider)
    day = today()
    card = price_card(settings.provider, settings.model, day)
    size = len(adapter.request(TASK, EVIDENCE, settings.model).content) // CHARACTERS_A_TOKEN
    worst = worst_cost(
        size,
        prompt_for(TASK).max_output_tokens,
        settings.model,
        card,
        attempts=1 + TASK.max_retries,
        on=day,
    )
    ledger.parent.mkdir(parents=True, exist_ok=True)
    budget = Budget(day.isoformat(), cap, path=ledger)
    transport = Http(settings.base_url, adapter.auth_headers(settings.require().reveal()))
    with budget.hold(worst) as hold:
        outcome = _call(adapter, transport, settings.model, record)
        whole = outcome.record.unreported_attempts == 0 and outcome.record.usage is not None
        hold.settle(cost(outcome.record.usage, settings.model, card, on=day) if whole else None)
    return outcome


def price_card(provider: str, model: str, day: date) -> RateCard:
    """What this model costs on a day, or the cautious rates where nobody knows."""
    try:
        return genai_card([(provider.partition("_")[0], model)], on=day)
    except CostError:
        return RateCard("unknown-price", (DatedRates((model,), day, UNKNOWN_PRICE),))


def _call(adapter: Any, transport: Any, model: str, record: Path | None) -> Outcome[Any]:
    if record is not None:
        # The course's case is made up, so its text may be kept.
        about = {"provider": adapter.name, "model": model}
        transport = Recorder(
            transport, record, salt=secrets.token_hex(8), synthetic=True, story="labkit call", about=about
        )
    with Boundary(adapter, transport, Policy(Models(model))) as boundary:
        return boundary.call(TASK, EVIDENCE)


def told(outcome: Outcome[Any], seconds: float) -> str:
    """What a person reads: the typed answer or the named failure, then the record in a line."""
    record = outcome.record
    if isinstance(outcome, Answer):
        value = outcome.value
        said = f"{value.decision}, {value.rotation_window_days} days, by {', '.join(value.source_line_ids)}"
    else:
        said = f"{outcome.kind} ({outcome.reason}); next step: {outcome.next_step}"
    used = (
        "unknown" if record.input_tokens is None else f"{record.input_tokens} in, {record.output_tokens} out"
    )
    return (
        f"{said}\n{len(record.attempts)} attempt(s), {seconds:.1f} s, tokens: {used}, "
        f"model: {record.response_model or record.model}"
    )


def main(
    *,
    live: bool,
    provider: str,
    script: str,
    cap: str,
    record: Path | None,
    home: Path,
    environ: Mapping[str, str] | None = None,
) -> tuple[str, int]:
    """Make the call; give what to print, and the exit code: 0 for an answer, 1 for a named failure."""
    began = time.monotonic()
    if live:
        settings = load_settings(environ)
        outcome = call_live(
            settings, cap=Decimal(cap), ledger=home / "work" / "spending.sqlite", record=record
        )
    else:
        faults = tuple(part.strip() for part in script.split(",") if part.strip())
        outcome = call_practice(provider, faults, record)
    return told(outcome, time.monotonic() - began), 0 if outcome.ok else 1
