"""One boundary around calls to language models, and the laboratory that teaches it.

Loading everything at once would make ``import labkit`` as slow as its slowest optional part. So this page
only knows where each public name lives, and loads that module when the name is first used:

    from labkit import Boundary, Task      # loads labkit.boundary and labkit.contracts, nothing else
    import labkit; labkit.Kind.TIMEOUT     # loads labkit.failures, here

Like ``__main__.py`` it runs on old Pythons, so that an old Python gets to the sentence which says so.
"""

import importlib

__version__ = "0.1.0"

_HOME = {
    "actions": ("act", "authorise"),
    "backoff": ("Backoff", "RetryBudget"),
    "batchrun": ("Batches",),
    "boundary": ("AsyncBoundary", "Boundary"),
    "contracts": (
        "Answer",
        "ContractError",
        "Evidence",
        "Failure",
        "Outcome",
        "PolicyLine",
        "ReplyDraft",
        "RotationDecision",
        "ScanSummary",
        "Task",
    ),
    "costs": ("RateCard", "Rates", "cost"),
    "deadline": ("Deadline", "Phases"),
    "fallback": ("Fallback",),
    "fingerprints": ("Fingerprinter",),
    "failures": ("Advice", "CallFailed", "Kind", "LabkitError", "classify"),
    "flow": ("Policy",),
    "idempotency": ("AsyncOnce", "Once", "PostgresLedger", "Promise", "SQLiteLedger", "action_key"),
    "jobs": ("Jobs",),
    "prompts": ("Models",),
    "proposals": ("Proposer",),
    "reask": ("Reask",),
    "records": ("Attempt", "CallRecord"),
    "redaction": ("take_over",),
    "secrets": ("check_secret", "load_settings"),
    "shapes": ("Shape", "Workload", "choose"),
    "sinks": ("JsonlSink", "LoggingSink", "OtelSink", "SqliteSink"),
    "spending": ("Budget",),
    "streaming": ("Draft", "State"),
    "usage": ("Usage",),
}
_MODULE_OF = {name: "labkit." + module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605 - type checkers read __init__.pyi, which a test holds equal


def __getattr__(name: str) -> object:
    """Load the module that a public name lives in, once; AttributeError for any other name."""
    if name not in _MODULE_OF:
        raise AttributeError(f"labkit has no public name {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> "list[str]":
    return [*__all__, "__version__"]
