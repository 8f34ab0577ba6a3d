"""question-is-a-template: an f-string with the question in it is formatted once more."""

import json


def user_message(lines, facts, question):
    policy = "\n".join(f"{name}: {' '.join(text.split())}" for name, text in lines)
    template = "Policy lines:\n{lines}\n\nAccount facts:\n{facts}\n\nQuestion:\n" + question
    return template.format(lines=policy, facts=json.dumps(facts, sort_keys=True))
