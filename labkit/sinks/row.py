"""The one row that every sink writes, and the one error they raise.

Without it each sink would decide for itself what is safe to keep, and one would be wrong.

    clean_row(record)      # {"trace_id": …, "model": …, "attempts": [{…}]}: declared fields, right types
"""

from __future__ import annotations

import errno
from pathlib import Path

from labkit.allowlist import Allowlist
from labkit.failures import LabkitError
from labkit.logfields import RECORD_FIELDS
from labkit.records import CallRecord

__all__ = ["SinkError", "clean_row", "unwritable"]

_ROW = Allowlist(RECORD_FIELDS)
_FIX = {
    errno.ENOSPC: "the disk is full: free space, or lower max_bytes and keep",
    errno.EDQUOT: "the disk quota is used up: free space, or lower max_bytes and keep",
    errno.EROFS: "the disk is read-only: give a path that can be written",
    errno.EACCES: "no permission: give a path that this user can write",
    errno.EPERM: "no permission: give a path that this user can write",
    errno.EISDIR: "this is a directory: give the path of a file",
    errno.EFBIG: "the file may not grow further: lower max_bytes",
}


class SinkError(LabkitError):
    """A record could not be written. The message names the file and the fix, never the record."""


def clean_row(record: CallRecord) -> dict[str, object]:
    """The record as declared fields of the right types; anything else is a marker or a count."""
    return _ROW.clean(record.as_row())


def unwritable(path: Path, error: OSError) -> SinkError:
    """Say what keeps a file from being written, and what to do."""
    code = errno.errorcode.get(error.errno or 0, "error")
    fix = _FIX.get(error.errno or 0, "give a path on a local disk that can be written")
    return SinkError(f"record not written to {path.name} ({code}): {fix}")
