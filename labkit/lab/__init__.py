"""The laboratory: teaching equipment that stands on the boundary and is never imported by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labkit.lab.grading.check import check

__all__ = ["check"]


def __getattr__(name: str) -> Any:
    """Load the grader only where a notebook asks for it."""
    if name == "check":
        from labkit.lab.grading.check import check  # noqa: PLC0415

        return check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
