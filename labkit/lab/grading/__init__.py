"""Exercises, and marks that a submission cannot decide.

A grader that runs its assertions inside the learner's process can be argued with: an `__eq__` that is always
true, a patched `assert`, a forged line of output. Here observations cross and verdicts don't.

    observe.py    beside the learner's code: run it, ask the bank's probes, say what was seen, as plain JSON
    judge.py      outside: expected values, points, misconceptions; never where a submission runs
    bank/         probes/ goes where the learner's code is, judges/ stays here
"""
