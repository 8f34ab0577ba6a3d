"""Exercise 03: one contract, two payloads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from labkit.lab.grading.judge import Case, Check, Exercise, Misconception, Seen

READ = "03_adapter"
NAME = "rotation_decision"


# ── the words ───────────────────────────────────────────────────────────────────────────────────


def _draw_messages(random: Random) -> list[Case]:
    days = random.randint(10, 90)
    facts = {
        "key_stale": random.random() < 0.5,
        "account_id": f"acct_{random.randint(10000, 99999)}",
        "credential_age_days": random.randint(1, 400),
    }
    one = [f"P-{random.randint(1, 9)}", f"Stale service-account keys are rotated within {days} days."]
    wrapped = ["P-12", "Keys of closed accounts\nare removed,\n  not rotated."]
    unsorted_facts = dict(sorted(facts.items(), reverse=True))
    questions = (
        "May the key be rotated?",
        "Same here: {facts} and {lines}, 100%s?",
        "May it?\nPlease be quick.",
        f"Is {days} days right?",
    )
    return [
        {"lines": [one], "facts": dict(sorted(facts.items())), "question": questions[0]},
        {"lines": [one], "facts": unsorted_facts, "question": questions[1]},
        {"lines": [one, wrapped], "facts": facts, "question": questions[2]},
        {"lines": [wrapped, one], "facts": {**facts, "owner": None}, "question": questions[3]},
        {"lines": [one], "facts": {**unsorted_facts, "policy_line_ids": [one[0]]}, "question": questions[0]},
    ]


def _message(case: Case) -> Any:
    policy = "\n".join(f"{name}: {' '.join(text.split())}" for name, text in case["lines"])
    facts = json.dumps(case["facts"], sort_keys=True)
    return f"Policy lines:\n{policy}\n\nAccount facts:\n{facts}\n\nQuestion:\n{case['question']}"


def _any_text(shows: Callable[[str, Case], object]) -> Callable[[Sequence[Seen]], bool]:
    """Whether a wrong text shows this."""
    return lambda seen: any(
        bool(shows(one.value, one.case))
        for one in seen
        if isinstance(one.value, str) and one.value != one.expected
    )


def _unsorted(text: str, case: Case) -> bool:
    return json.dumps(case["facts"]) in text and json.dumps(case["facts"], sort_keys=True) not in text


def _breaks_lines(text: str, case: Case) -> bool:
    return any("\n" in words and words in text for _, words in case["lines"])


def _filled_in(seen: Sequence[Seen]) -> bool:
    """Whether the customer's braces were taken for places to fill in."""
    braces = [one for one in seen if "{facts}" in one.case["question"]]
    wrong = [one for one in seen if one.value != one.expected]
    return bool(wrong) and all(one in braces for one in wrong)


def _last_is_not_question(text: str, case: Case) -> bool:
    return case["question"] in text and not text.endswith(case["question"])


# ── the payloads ────────────────────────────────────────────────────────────────────────────────


def _draw_payloads(random: Random) -> list[Case]:
    cases = []
    for number in range(3):
        choices = random.sample(["eligible", "not_eligible", "not_specified", "unknown"], 3)
        properties = {"decision": {"type": "string", "enum": choices}, f"field_{number}": {"type": "integer"}}
        schema = {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
        words = f"Use only these lines ({random.randint(100, 999)})."
        question = f"Question:\nMay key {random.randint(1000, 9999)} be rotated?"
        cases.append(
            {
                "model": f"model-{random.randint(1, 99)}",
                "system": words,
                "message": question,
                "schema": schema,
            }
        )
    return cases


def _openai(case: Case) -> Any:
    form = {"name": NAME, "strict": True, "schema": case["schema"]}
    return {
        "model": case["model"],
        "messages": [
            {"role": "system", "content": case["system"]},
            {"role": "user", "content": case["message"]},
        ],
        "response_format": {"type": "json_schema", "json_schema": form},
    }


def _anthropic(case: Case) -> Any:
    return {
        "model": case["model"],
        "max_tokens": 500,
        "system": case["system"],
        "messages": [{"role": "user", "content": case["message"]}],
        "tools": [{"name": NAME, "input_schema": case["schema"]}],
        "tool_choice": {"type": "tool", "name": NAME},
    }


def _each_body(shows: Callable[[dict[str, Any]], object]) -> Callable[[Sequence[Seen]], bool]:
    """Whether every payload shows this."""
    return lambda seen: all(bool(shows(one.plain)) for one in seen)


def _has_key(body: dict[str, Any]) -> bool:
    return any(re.search(r"key|auth|token$", name.lower()) for name in (*body, *body.get("headers", ())))


KEY_IN_PAYLOAD = Misconception(
    "key-in-the-payload",
    "You put a credential into the payload. Payloads are recorded, replayed and shown; the transport adds the key.",
    _each_body(_has_key),
)


def _roles(body: dict[str, Any]) -> list[str]:
    return [message["role"] for message in body["messages"]]


# ── the way back ────────────────────────────────────────────────────────────────────────────────


def _decision(random: Random) -> Case:
    return {
        "decision": random.choice(["eligible", "not_eligible"]),
        "rotation_window_days": random.randint(5, 90),
        "source_line_ids": [f"P-{random.randint(1, 30)}"],
    }


def _completion(content: str | None, finish: str, **message: Any) -> Case:
    said = {"role": "assistant", "content": content, **message}
    choice = {"index": 0, "finish_reason": finish, "message": said}
    return {"body": {"id": "c-1", "object": "chat.completion", "choices": [choice]}}


def _draw_completions(random: Random) -> list[Case]:
    whole = [json.dumps(_decision(random)) for _ in range(5)]
    return [
        _completion(whole[0], "stop"),
        _completion(whole[1], "stop", refusal=None),
        _completion(whole[2][: random.randint(10, 40)], "length"),
        _completion(whole[3], "length"),
        _completion(None, "stop", refusal="I cannot help with that."),
        _completion(None, "content_filter"),
        _completion(whole[4], "tool_calls"),
    ]


def _reads_openai(case: Case) -> Any:
    choice = case["body"]["choices"][0]
    message, finish = choice["message"], choice["finish_reason"]
    if finish == "content_filter" or message.get("refusal"):
        return {"end": "refused", "answer": None}
    if finish != "stop":
        return {"end": "cut_off", "answer": None}
    return {"end": "complete", "answer": json.loads(message["content"])}


def _message_of(stop: str, *blocks: Case) -> Case:
    return {"body": {"id": "m-1", "type": "message", "content": list(blocks), "stop_reason": stop}}


def _draw_replies(random: Random) -> list[Case]:
    def form() -> Case:
        return {"type": "tool_use", "id": "t-1", "name": NAME, "input": _decision(random)}

    text = {"type": "text", "text": f"I looked at line P-{random.randint(1, 9)}."}
    half = {**form(), "input": {"decision": "eligible"}}
    return [
        _message_of("tool_use", form()),
        _message_of("tool_use", form()),
        _message_of("tool_use", text, form()),
        _message_of("tool_use", {"type": "thinking", "thinking": "…"}, text, form()),
        _message_of("max_tokens", half),
        _message_of("max_tokens", text),
        _message_of("refusal", text),
        _message_of("end_turn", text),
        _message_of("refusal"),
    ]


def _reads_anthropic(case: Case) -> Any:
    body = case["body"]
    if body["stop_reason"] != "tool_use":
        return {"end": "refused" if body["stop_reason"] == "refusal" else "cut_off", "answer": None}
    return {"end": "complete", "answer": next(b["input"] for b in body["content"] if b["type"] == "tool_use")}


def _complete(seen: Sequence[Seen]) -> list[Seen]:
    return [one for one in seen if one.expected["end"] == "complete"]


def _provider_object(seen: Sequence[Seen]) -> bool:
    answers = [one.plain["answer"] for one in _complete(seen)]
    return any(
        isinstance(answer, dict) and answer.keys() & {"content", "role", "type", "choices"}
        for answer in answers
    )


def _text_as_answer(seen: Sequence[Seen]) -> bool:
    return all(isinstance(one.plain["answer"], str) for one in _complete(seen))


def _reads_unfinished(seen: Sequence[Seen]) -> bool:
    """Whether a cut answer was read as if it were whole, or broke the reader."""
    cut = [one for one in seen if one.expected["end"] == "cut_off"]
    return any(one.raised or (isinstance(one.plain, dict) and one.plain["answer"] is not None) for one in cut)


def _misses_refusal(seen: Sequence[Seen]) -> bool:
    refused = [one for one in seen if one.expected["end"] == "refused"]
    rest = [one for one in seen if one.expected["end"] != "refused"]
    return all(one.plain == one.expected for one in rest) and any(
        one.plain != one.expected for one in refused
    )


def _by_place(seen: Sequence[Seen]) -> bool:
    first = [one for one in _complete(seen) if one.case["body"]["content"][0]["type"] == "tool_use"]
    later = [one for one in _complete(seen) if one not in first]
    return all(one.plain == one.expected for one in first) and all(one.plain != one.expected for one in later)


SDK_LEAKS = Misconception(
    "sdk-objects-leak",
    "You handed on a piece of the provider's reply. Whoever gets it has to know that provider's shapes.",
    _provider_object,
)

EXERCISE = Exercise(
    number="03",
    title="One contract, two payloads",
    asks_for=("user_message", "openai_body", "anthropic_body", "read_openai", "read_anthropic"),
    checks=(
        Check(
            name="message",
            asks="The text that both providers get",
            points=2,
            draw=_draw_messages,
            expect=_message,
            because="The model may rest on these lines and facts only, and the same input must give the same bytes.",
            next_step="Join three parts, each made by itself; `json.dumps` has an argument for the order of keys.",
            read=f"{READ}#the-words",
            misconceptions=(
                Misconception(
                    "question-is-a-template",
                    "You fill a template in after the question stands in it. What a customer wrote in braces is then "
                    "replaced, or raises.",
                    _filled_in,
                ),
                Misconception(
                    "facts-as-python",
                    "You wrote the facts as Python writes a dictionary: True and single quotes are no JSON.",
                    _any_text(lambda text, _: "True" in text or "False" in text or "{'" in text),
                ),
                Misconception(
                    "facts-unsorted",
                    "You left the facts in the order they came in. The same account then gives different bytes, and a "
                    "prefix cache never hits.",
                    _any_text(_unsorted),
                ),
                Misconception(
                    "line-breaks-kept",
                    "You kept the line breaks inside a policy text. What follows one is a line without an id, which "
                    "nobody can cite.",
                    _any_text(_breaks_lines),
                ),
                Misconception(
                    "question-first",
                    "You put the question before the evidence. It is what changes with each call: the stable part "
                    "comes first, so that a cache can hold it.",
                    _any_text(_last_is_not_question),
                ),
            ),
        ),
        Check(
            name="openai",
            asks="The payload for a chat completion",
            points=2,
            draw=_draw_payloads,
            expect=_openai,
            because="A place that is off by one name is ignored in silence, or refused in production.",
            next_step="Compare your dictionary with the expected one, key by key.",
            read=f"{READ}#run-compare",
            misconceptions=(
                KEY_IN_PAYLOAD,
                Misconception(
                    "json-mode-is-a-schema",
                    "You asked for JSON, not for this form. JSON mode promises that it parses, and nothing about fields.",
                    _each_body(lambda body: body["response_format"]["type"] == "json_object"),
                ),
                Misconception(
                    "rules-beside-the-question",
                    "You put the instructions into the user message. There they have the same weight as the customer's words.",
                    _each_body(lambda body: _roles(body) == ["user"]),
                ),
                Misconception(
                    "schema-as-a-wish",
                    "You left `strict` out, or off. The schema is then a hint, and the model may leave it.",
                    _each_body(lambda body: not body["response_format"]["json_schema"].get("strict")),
                ),
            ),
        ),
        Check(
            name="anthropic",
            asks="The payload for a message",
            points=2,
            draw=_draw_payloads,
            expect=_anthropic,
            because="The words are the same; nearly every place differs.",
            next_step="Compare your dictionary with the expected one, key by key.",
            read=f"{READ}#run-compare",
            misconceptions=(
                KEY_IN_PAYLOAD,
                Misconception(
                    "one-shape-for-both",
                    "You sent the first provider's shape to the second. Here the system message is a string of its own, "
                    "and no message has the role system.",
                    _each_body(lambda body: "system" in _roles(body) or "response_format" in body),
                ),
                Misconception(
                    "tool-only-offered",
                    "You offered the form and did not ask for it. A model that may choose will sometimes answer in prose.",
                    _each_body(lambda body: body.get("tool_choice", {}).get("type") != "tool"),
                ),
                Misconception(
                    "limit-is-optional",
                    "You left `max_tokens` out. It is optional there and required here: the request is refused with 400.",
                    _each_body(lambda body: "max_tokens" not in body),
                ),
            ),
        ),
        Check(
            name="reads_openai",
            asks="One shape, read from a chat completion",
            points=2,
            draw=_draw_completions,
            expect=_reads_openai,
            because="Status 200 says that a reply came, not that it is an answer.",
            next_step="Ask for the refusal and the finish reason before you touch the content.",
            read=f"{READ}#failure-leak",
            misconceptions=(
                SDK_LEAKS,
                Misconception(
                    "text-is-the-answer",
                    "You gave the JSON text. The product would have to parse it, in every place that uses it.",
                    _text_as_answer,
                ),
                Misconception(
                    "a-refusal-stops-too",
                    "You looked at the finish reason only. A model that declines ends with `stop`, and says so in `refusal`.",
                    _misses_refusal,
                ),
                Misconception(
                    "reads-before-it-asks",
                    "You read the content without asking why the model stopped. Half an answer does not parse, or worse, it does.",
                    _reads_unfinished,
                ),
            ),
        ),
        Check(
            name="reads_anthropic",
            asks="The same shape, read from a message",
            points=2,
            draw=_draw_replies,
            expect=_reads_anthropic,
            because="The product sees one shape, or it breaks with the provider.",
            next_step="Ask for the stop reason first, then look for the block by its type.",
            read=f"{READ}#failure-leak",
            misconceptions=(
                Misconception(
                    "choices-everywhere",
                    "You read a message as a chat completion. It has no `choices`; its answer stands in a content block.",
                    lambda seen: all(one.raised == "KeyError" and "choices" in one.text for one in seen),
                ),
                SDK_LEAKS,
                Misconception(
                    "the-first-block",
                    "You took the first block. Models like to say something before they fill in the form.",
                    _by_place,
                ),
                Misconception(
                    "input-is-text",
                    "You parsed the input of the tool. It is a dictionary already; only the first provider sends text.",
                    lambda seen: all(one.raised == "TypeError" for one in _complete(seen)),
                ),
                Misconception(
                    "reads-before-it-asks",
                    "You read the blocks without asking why the model stopped. A form that was cut off looks filled in.",
                    _reads_unfinished,
                ),
            ),
        ),
    ),
)
