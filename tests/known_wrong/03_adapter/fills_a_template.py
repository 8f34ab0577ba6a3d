"""question-is-a-template: three placeholders are replaced one after the other, the question first."""

import json

TEMPLATE = "Policy lines:\n{lines}\n\nAccount facts:\n{facts}\n\nQuestion:\n{question}"


def user_message(lines, facts, question):
    policy = "\n".join(f"{name}: {' '.join(text.split())}" for name, text in lines)
    text = TEMPLATE.replace("{question}", question)
    return text.replace("{lines}", policy).replace("{facts}", json.dumps(facts, sort_keys=True))
