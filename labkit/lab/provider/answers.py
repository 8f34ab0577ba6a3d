"""What the practice model says: the right answer, and every wrong one on command.

A real model answers differently tomorrow, so a lesson built on its mistakes breaks when the model
improves. This one is a small function of the supplied policy lines and facts; the customer's text
never changes the decision.

    draft = answer(prompt, plan)
    draft.text      # {"decision":"eligible","rotation_window_days":30,"source_line_ids":["P-7"]}
    draft.finish    # Finish.STOP
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from labkit.lab.provider.draft import Call, Draft, Finish, dumps
from labkit.lab.provider.faults import OK, Plan, Where, first, names
from labkit.lab.provider.mistakes import REFUSAL, spoil
from labkit.lab.provider.prompt import Prompt, Tool
from labkit.lab.provider.tasks import sample, scan_summary
from labkit.lab.provider.tokens import cut

_ACCOUNT = re.compile(r"\bacct_\w+")
ACTION = "create_rotation_job"
TASKS = ("rotation_decision", "scan_summary", "reply_draft")
# With these the model writes text although it was asked to call a tool.
_NOT_A_CALL = ("prose", "code_fence", "trailing_text", "bom", "half_json", "empty_content")


def decide(prompt: Prompt) -> dict[str, Any]:
    """The decision that follows from the supplied lines and facts, and from nothing else."""
    rules = {name: days for name, text in prompt.policy_lines.items() if (days := _window_days(text))}
    named = prompt.facts.get("policy_line_ids")
    if isinstance(named, list):
        rules = {name: days for name, days in rules.items() if name in named}
    stale = prompt.facts.get("key_stale")
    if not rules or not isinstance(stale, bool):
        return {"decision": "not_specified", "rotation_window_days": 0, "source_line_ids": []}
    return {
        "decision": "eligible" if stale else "not_eligible",
        "rotation_window_days": next(iter(rules.values())),
        "source_line_ids": list(rules),
    }


def _window_days(text: str) -> int | None:
    """The window of a line on stale service-account keys; None for any other line."""
    lower = text.lower().replace("service account", "service-account")
    window = re.search(r"(\d{1,4})[ -]days?", lower)
    return int(window[1]) if window and "stale" in lower and "service-account" in lower else None


def answer(prompt: Prompt, plan: Plan = OK) -> Draft:
    """The model's draft, with the plan's content fault applied and the token limit observed."""
    fault = first(plan, Where.ANSWER)
    name = fault.name if fault else ""
    if name.startswith("tool_"):
        return _limited(_bad_call(prompt, name), prompt)
    if not name and (call := _proposal(prompt)) is not None:
        return _limited(Draft(finish=Finish.TOOL, call=call), prompt)
    draft = Draft(text=_right_text(prompt))
    draft = spoil(draft, name) if name else draft
    if "refusal_midway" in names(plan):
        draft = Draft(draft.text[: len(draft.text) // 2], Finish.REFUSAL, refusal=REFUSAL)
    if "split_utf8" in names(plan) and not draft.text.startswith("{"):
        draft = replace(draft, text=draft.text + " ✓")
    return _limited(_as_call(draft, prompt, name), prompt)


def _as_call(draft: Draft, prompt: Prompt, name: str) -> Draft:
    """Structured output by tool: the JSON becomes the arguments of the tool that stands for the task."""
    tool = prompt.must_call or next((tool.name for tool in prompt.tools if tool.name in TASKS), None)
    if tool is None or not prompt.may_call or name in _NOT_A_CALL:
        return draft
    if draft.finish not in (Finish.STOP, Finish.LENGTH):
        return draft
    finish = Finish.TOOL if draft.finish is Finish.STOP else draft.finish
    return replace(draft, text="", call=Call(tool, draft.text), finish=finish)


def _right_text(prompt: Prompt) -> str:
    task = prompt.task or next((tool.name for tool in prompt.tools if tool.name in TASKS), "")
    if task == "scan_summary":
        return dumps(scan_summary(prompt))
    if task == "reply_draft":
        return dumps({"text": sentence(prompt)})
    if task == "rotation_decision" or (prompt.asks_for_json and prompt.policy_lines):
        return dumps(decide(prompt))
    if prompt.schema is not None:
        return dumps(sample(prompt.schema))
    if prompt.asks_for_json:
        return dumps({"answer": sentence(prompt)})
    return sentence(prompt)


def sentence(prompt: Prompt) -> str:
    """The decision as a sentence, for plain text and streams."""
    decision = decide(prompt)
    account = prompt.facts.get("account_id")
    if not isinstance(account, str):
        return "The supplied text names no account, so there is nothing to decide."
    if decision["decision"] == "not_specified":
        return f"The supplied policy lines do not say whether account {account} is eligible."
    verdict = "is eligible" if decision["decision"] == "eligible" else "is not eligible"
    return f"Account {account} {verdict} under {decision['source_line_ids'][0]}."


# ── tool calls ──


def _proposal(prompt: Prompt) -> Call | None:
    """A real proposal: only for an eligible key, and only if the tool was offered."""
    tool = next((tool for tool in prompt.tools if tool.name == ACTION), None)
    if tool is None or not prompt.may_call or prompt.has_tool_result:
        return None
    if decide(prompt)["decision"] != "eligible" and prompt.must_call != ACTION:
        return None
    return Call(ACTION, dumps(_arguments(prompt, tool.schema)))


def _arguments(prompt: Prompt, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The tool's own parameters, filled from the evidence."""
    decision = decide(prompt)
    lines = decision["source_line_ids"]
    known: dict[str, Any] = {
        "account_id": prompt.facts.get("account_id"),
        "policy_line_id": lines[0] if lines else None,
        "policy_line_ids": lines,
        "source_line_ids": lines,
        "rotation_window_days": decision["rotation_window_days"],
        "decision": decision["decision"],
    }
    wanted = schema.get("properties") or {"account_id": {}, "policy_line_id": {}}
    return {name: known.get(name, sample(part)) for name, part in wanted.items()}


def _bad_call(prompt: Prompt, name: str) -> Draft:
    tool = next((tool for tool in prompt.tools if tool.name == ACTION), Tool(ACTION))
    arguments = _arguments(prompt, tool.schema)
    if name == "tool_unknown":
        return Draft(finish=Finish.TOOL, call=Call("delete_account", dumps({"account_id": "acct_10234"})))
    if name == "tool_bad_json":
        return Draft(finish=Finish.TOOL, call=Call(ACTION, dumps(arguments)[:-4]))
    if name == "tool_other_account":
        arguments["account_id"] = "acct_99999"
    if name == "tool_injected" and (named := _ACCOUNT.findall(prompt.question)):
        arguments["account_id"] = named[-1]
    return Draft(finish=Finish.TOOL, call=Call(ACTION, dumps(arguments)))


def _limited(draft: Draft, prompt: Prompt) -> Draft:
    """Stop where the caller's own token limit says."""
    limit = prompt.max_tokens
    if limit is None or draft.output_tokens <= limit:
        return draft
    if draft.call is not None:
        short = Call(draft.call.name, cut(draft.call.arguments, limit))
        return replace(draft, call=short, finish=Finish.LENGTH)
    return replace(draft, text=cut(draft.text, limit), finish=Finish.LENGTH)
