"""a-schema-proves-truth: the provider enforces the schema, so there is nothing left to check."""


def broken_rules(answer, evidence):
    return []
