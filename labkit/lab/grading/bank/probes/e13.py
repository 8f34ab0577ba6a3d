"""Exercise 13: shapes of execution, and a batch that comes back."""

from copy import deepcopy
from typing import Any

from labkit.lab.grading.observe import Code


def shape(code: Code, case: Any) -> Any:
    """The shape of a piece of work, and why."""
    return code.choose_shape(dict(case))


def reconcile(code: Code, case: Any) -> Any:
    """Where each request of a batch is."""
    return code.reconcile(list(case["sent"]), deepcopy(case["output"]), deepcopy(case["errors"]))


def again(code: Code, case: Any) -> Any:
    """What goes out again."""
    return code.next_batch(deepcopy(case["requests"]), deepcopy(case["result"]))


def break_even(code: Code, case: Any) -> Any:
    """How many calls a cache needs."""
    return code.break_even(case["write_price"], case["read_price"])


PROBES = {"shape": shape, "reconcile": reconcile, "again": again, "break_even": break_even}
