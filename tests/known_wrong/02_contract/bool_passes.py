"""bool-is-no-int: isinstance is the usual test, and True is an int to it."""

# ruff: noqa: F821 - the exercise defines what this uses
import math


def broken_rules(values: Mapping[str, object]) -> list[str]:
    """The fields that hold what no call should be made with."""

    def has_form(form: re.Pattern, value: object) -> bool:
        return isinstance(value, str) and form.fullmatch(value) is not None

    lines, question = values["policy_line_ids"], values["customer_question"]
    seconds, retries = values["timeout_seconds"], values["max_retries"]
    holds = {
        "task": values["task"] in TASKS,
        "account_id": has_form(ID, values["account_id"]),
        "policy_line_ids": isinstance(lines, tuple) and all(has_form(ID, line) for line in lines),
        "customer_question": isinstance(question, str) and question.strip() != "",
        "trace_id": has_form(ID, values["trace_id"]),
        "prompt_version": has_form(VERSION, values["prompt_version"]),
        "timeout_seconds": isinstance(seconds, (int, float)) and 0 < seconds < math.inf,
        "max_retries": isinstance(retries, int) and 0 <= retries <= 10,
    }
    return [name for name, kept in holds.items() if not kept]
