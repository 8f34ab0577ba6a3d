"""The case of every lesson: may Luna rotate the stale service-account key of acct_10234?"""

from __future__ import annotations

from labkit.contracts import Evidence, PolicyLine, Task

QUESTION = "Can I rotate the stale service-account key for account acct_10234?"

P7 = PolicyLine("P-7", "Stale service-account keys are rotated within 30 days.", rotation_window_days=30)

EVIDENCE = Evidence(
    policy_lines=(P7,),
    facts={
        "account_id": "acct_10234",
        "credential_age_days": 12,
        "key_stale": True,
        "policy_line_ids": ["P-7"],
    },
)

TASK = Task(
    task="decide_rotation",
    account_id="acct_10234",
    policy_line_ids=("P-7",),
    customer_question=QUESTION,
    trace_id="trace_acct_10234_01",
    prompt_version="rotation_decision@2",
)
