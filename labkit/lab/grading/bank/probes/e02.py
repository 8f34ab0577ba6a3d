"""Exercise 02: the contract before the prompt."""

import copy
from typing import Any

from labkit.lab.grading.observe import Code


def _values(case: Any) -> dict[str, Any]:
    """The case's values. JSON knows no tuple and no infinity: the case says where it means one."""
    values = dict(case["values"])
    for name in case.get("as_tuple", ()):
        values[name] = tuple(values[name])
    for name in case.get("as_float", ()):
        values[name] = float(values[name])
    return values


def rules(code: Code, case: Any) -> Any:
    """Which rules are said to be broken."""
    return code.broken_rules(_values(case))


def shape(code: Code, case: Any) -> Any:
    """What the type has, fills in, and allows."""
    request = code.Request(**_values(case))
    try:
        setattr(request, case["change"], "changed")
    except Exception as error:  # noqa: BLE001 - any refusal will do
        changed = not isinstance(error, AttributeError)
    else:
        changed = True
    names = list(vars(request))
    return {"fields": {name: getattr(request, name) for name in names}, "can be changed": changed}


def refuses(code: Code, case: Any) -> Any:
    """What comes of making a request."""
    code.Request(**_values(case))
    return "made"


def quiet(code: Code, case: Any) -> Any:
    """Whether a text form or an error holds the customer's words."""
    good, bad = {**_values(case)}, {**_values(case), case["broken"]: "?!"}
    words = case["words"]
    shown = repr(code.Request(**good))
    try:
        code.Request(**bad)
    except ValueError as error:
        refused: Any = words in f"{error} {error!r} {error.__cause__!r} {error.__context__!r}"
    else:
        refused = "nothing was refused"
    account = good["account_id"] in shown
    return {"text form has the account": account, "and the question": words in shown, "error has it": refused}


def reader(code: Code, case: Any) -> Any:
    """What comes of reading a dictionary, and whether the dictionary is still what it was."""
    data = copy.deepcopy(case["data"])
    request = code.read_request(data)
    got = {name: getattr(request, name) for name in vars(request)}
    return {"request": got, "data left alone": data == case["data"]}


PROBES = {"rules": rules, "shape": shape, "refuses": refuses, "quiet": quiet, "reader": reader}
