"""Logging that writes only what was declared: events, typed fields, and where errors came from.

Without it, one `log.info(f"asked: {question}")`, one `exc_info=True` or one chatty library puts a
customer's words or a key into a log that many people can read and nobody can clean. Message texts,
arguments, undeclared fields and exception values are never formatted here, so they cannot pass.

    with take_over():                       # the root logger and every other one
        log.info("call_finished", extra={"model": "gpt-4o", "latency_ms": 840, "prompt": "…"})
    # {"at": 1764000000.0, "level": "INFO", "logger": "app", "event": "call_finished",
    #  "model": "gpt-4o", "latency_ms": 840, "dropped": 1}

`take_over()` at the start of a server holds for its whole life; `with` puts things back after a test.
Texts that must be found again are written as keyed fingerprints: see `labkit.fingerprints`.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Self, TextIO

from labkit.allowlist import Allowlist
from labkit.fingerprints import Fingerprinter, short_fingerprint
from labkit.logfields import LABKIT
from labkit.tracebacks import describe_exception, safe_word, source

__all__ = [
    "LABKIT",
    "QUIET",
    "Allowlist",
    "AllowlistFormatter",
    "AllowlistHandler",
    "Fingerprinter",
    "TakeOver",
    "describe_exception",
    "short_fingerprint",
    "structlog_processor",
    "take_over",
]

#: Libraries that log URLs (with keys in the query), headers or bodies below WARNING.
QUIET = ("httpx", "httpcore", "httpx2", "httpcore2", "openai", "anthropic", "urllib3", "hpack")

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
_ENCODE = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class AllowlistFormatter(logging.Formatter):
    """One JSON object a line, made of declared things alone; it never reads args or the stack.

    `loggers` names loggers of yours that are no module, such as "app": other such names become "?".
    """

    def __init__(self, allowlist: Allowlist = LABKIT, loggers: Iterable[str] = ()) -> None:
        super().__init__()
        self.allowlist = allowlist
        self._loggers = {name: name for name in ("root", "py.warnings", *loggers)}

    def format(self, record: logging.LogRecord) -> str:
        """Write a record without its message, arguments, undeclared fields and exception values."""
        given = record.__dict__
        line: dict[str, object] = {
            "at": round(record.created, 3),
            "level": _LEVELS.get(record.levelno, record.levelno),
            "logger": self._logger(record.name),
            "event": self.allowlist.event(record.msg),
        }
        if line["event"] is not record.msg:
            line["source"] = source(record.pathname, record.lineno, record.funcName or "?")
        extra = {name: value for name, value in given.items() if name not in _STANDARD}
        if extra:
            line |= self.allowlist.clean(extra)
        if record.exc_info and record.exc_info[1] is not None:
            line["errors"] = describe_exception(record.exc_info[1])
        return _ENCODE(line)

    def _logger(self, name: str) -> str:
        """A logger's name, as far as it is the name of an imported module: a name can be made of data."""
        known = self._loggers.get(name)
        if known is not None:
            return known
        module = name
        while module and module not in sys.modules:
            module = module.rpartition(".")[0]
        if module == name:
            self._loggers[name] = name
        return module or "?"


class AllowlistHandler(logging.StreamHandler[Any]):
    """A stream handler that cannot be given another formatter, and whose own errors quote nothing."""

    def __init__(
        self, stream: TextIO | None = None, allowlist: Allowlist = LABKIT, loggers: Iterable[str] = ()
    ) -> None:
        super().__init__(stream)
        self._only = AllowlistFormatter(allowlist, loggers)

    def format(self, record: logging.LogRecord) -> str:
        """Format with the allowlist, whatever formatter was set."""
        return self._only.format(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the base class's
        """Say that a line was lost. The standard handler prints the message and its arguments here."""
        kind = sys.exc_info()[0]
        if logging.raiseExceptions and sys.stderr is not None:
            name = safe_word(kind.__name__) if kind else "?"
            sys.stderr.write(f"labkit: a log line of level {record.levelno} was lost ({name})\n")


def structlog_processor(
    allowlist: Allowlist = LABKIT, clock: Callable[[], float] = time.time
) -> Callable[[Any, str, MutableMapping[str, Any]], Mapping[str, Any]]:
    """Make a structlog processor: put it last before the renderer, so that nothing is added after it.

    structlog.configure(processors=[structlog_processor(), structlog.processors.JSONRenderer()])
    """

    def process(_logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        values = dict(event)
        line: dict[str, object] = {
            "at": round(clock(), 3),
            "level": method.upper() if method.upper() in _LEVELS.values() else "INFO",
            "event": allowlist.event(values.pop("event", None)),
        }
        error = _exception(values.pop("exc_info", None))
        line |= allowlist.clean(values)
        if method == "exception":
            line["level"] = "ERROR"
        if error is not None:
            line["errors"] = describe_exception(error)
        return line

    return process


def _exception(given: Any) -> BaseException | None:
    """What `exc_info=` may hold: an exception, a triple, or True for the one being handled."""
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple) and len(given) == 3:
        return given[1] if isinstance(given[1], BaseException) else None
    return sys.exc_info()[1] if given else None


class TakeOver:
    """What `take_over` changed, and the way back."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []

    def replace(self, owner: Any, name: str, value: object) -> None:
        """Set an attribute now, and put the old one back in `restore`."""
        old = getattr(owner, name)
        self._undo.append(lambda: setattr(owner, name, old))
        setattr(owner, name, value)

    def undo_with(self, action: Callable[[], object]) -> None:
        """Have `restore` do this."""
        self._undo.append(action)

    def restore(self) -> None:
        """Put everything back, last change first."""
        while self._undo:
            self._undo.pop()()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restore()


def take_over(
    allowlist: Allowlist = LABKIT,
    *,
    level: int = logging.INFO,
    stream: TextIO | None = None,
    loggers: Iterable[str] = (),
    shell: Any = None,
) -> TakeOver:
    """Make the allowlist the only way out: of all loggers, warnings and uncaught exceptions.

    Handlers of other loggers are taken off and their lines sent to the root; loggers in `QUIET` speak
    from WARNING on. With `shell=get_ipython()` a notebook's tracebacks become types and frames too. Call it
    after other libraries have set up their logging: what is added later is not seen.
    """
    handler = AllowlistHandler(stream, allowlist, loggers)
    changes = TakeOver()
    root = logging.getLogger()
    changes.replace(root, "handlers", [handler])
    changes.undo_with(lambda level=root.level: root.setLevel(level))  # type: ignore[misc]
    root.setLevel(level)
    for name, logger in list(logging.Logger.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger):
            _redirect(changes, name, logger)
    for name in QUIET:
        quiet = logging.getLogger(name)
        changes.undo_with(lambda quiet=quiet, level=quiet.level: quiet.setLevel(level))  # type: ignore[misc]
        quiet.setLevel(max(logging.WARNING, level))
    _take_warnings(changes)
    _take_hooks(changes)
    if shell is not None:
        _take_notebook(changes, shell)
    return changes


def _redirect(changes: TakeOver, name: str, logger: logging.Logger) -> None:
    changes.replace(logger, "handlers", [])
    changes.replace(logger, "propagate", True)
    if name.startswith(tuple(f"{library}." for library in QUIET)):
        changes.undo_with(lambda level=logger.level: logger.setLevel(level))  # type: ignore[misc]
        logger.setLevel(logging.NOTSET)


def _take_warnings(changes: TakeOver) -> None:
    captured = getattr(logging, "_warnings_showwarning", None) is not None
    logging.captureWarnings(True)
    if not captured:
        changes.undo_with(lambda: logging.captureWarnings(False))


def _take_hooks(changes: TakeOver) -> None:
    log = logging.getLogger("labkit")

    def uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error or kind(), trace)
        elif error is not None:
            log.critical("uncaught_exception", exc_info=(kind, error, trace))

    changes.replace(sys, "excepthook", uncaught)
    changes.replace(
        threading, "excepthook", lambda args: uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    )
    changes.replace(
        sys, "unraisablehook", lambda args: uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    )


def _take_notebook(changes: TakeOver, shell: Any) -> None:
    def short(_shell: Any, _kind: Any, error: BaseException, _trace: Any, **_: Any) -> None:
        for found in describe_exception(error):
            sys.stdout.write(_ENCODE(found) + "\n")

    old_handler, old_types = shell.CustomTB, shell.custom_exceptions
    shell.set_custom_exc((Exception,), short)

    def back() -> None:
        shell.CustomTB, shell.custom_exceptions = old_handler, old_types

    changes.undo_with(back)
