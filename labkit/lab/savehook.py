"""Stop a key at the last moment: when JupyterLab is about to write it to disk.

After the save it is too late: the key is in the file, in the checkpoint, in the next commit. So a save that
holds a key is refused, and JupyterLab shows the cell and the kind. A refused save must not lose work: the
same notebook with the key masked is written beside it as ``NAME.without-keys.ipynb``, the tab keeps
everything, and the copy goes when a later save succeeds.

    # jupyter_server_config.d/labkit.json in a Jupyter configuration directory; `labkit start` brings its own
    {"ServerApp": {"jpserver_extensions": {"labkit.lab.savehook": true}}}

Why not warn and save: the warning is read after the key is on disk. Why not mask and save: the tab would
still hold the key, and the next reader of the file would not know what is missing.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from labkit.scan import Finding, Fingerprint, find_secrets, notebook_findings, plain_text, scan_text

#: Where keys belong: the text editor may write these.
_ALLOWED = ".env"
_log = logging.getLogger(__name__)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Called by Jupyter Server: watch every save. Hooks that the user configured keep running."""
    guard = SaveGuard()
    server.contents_manager.register_pre_save_hook(guard.before)
    server.contents_manager.register_post_save_hook(guard.after)


class SaveGuard:
    """The two hooks, and the digests of the copies it wrote: what somebody else wrote is never replaced."""

    def __init__(self) -> None:
        self._copies: dict[Path, dict[Path, str]] = {}

    def before(self, *, model: Mapping[str, Any], path: str, contents_manager: Any, **_: Any) -> None:
        """Raise HTTP 400 when what is about to be saved holds a key; the message has places and kinds."""
        findings = findings_in_model(model, path)
        if not findings:
            return
        from tornado.web import HTTPError  # noqa: PLC0415 - only Jupyter Server needs it

        copy = self._keep_copy(model, path, getattr(contents_manager, "root_dir", ""))
        _log.warning("save of %s refused: %s", path, _places(findings))
        raise HTTPError(400, _message(findings, copy), reason="Not saved: it holds an API key")

    def after(self, *, os_path: str, **_: Any) -> None:
        """A save has succeeded, so the copies of that file have served."""
        for copy, digest in self._copies.pop(Path(os_path).resolve(), {}).items():
            if _digest(copy) == digest:
                copy.unlink(missing_ok=True)

    def _keep_copy(self, model: Mapping[str, Any], path: str, root: str) -> str:
        """Write the masked content beside the file. An empty string when there is no safe way to."""
        content = mask(model["content"])
        if not root or findings_in_model({**model, "content": content}, path):
            return ""
        original = (Path(root) / path.strip("/")).resolve()
        mine = self._copies.setdefault(original, {})
        body = (content if isinstance(content, str) else json.dumps(content, indent=1)).encode()
        for number in ("", *(f"-{n}" for n in range(2, 10))):
            copy = original.with_name(f"{original.stem}.without-keys{number}{original.suffix}")
            if not copy.exists() or _digest(copy) == mine.get(copy):
                try:
                    copy.write_bytes(body)
                except OSError:
                    return ""
                mine[copy] = hashlib.sha256(body).hexdigest()
                return copy.name
        return ""


def findings_in_model(model: Mapping[str, Any], path: str) -> list[Finding]:
    """The keys in what JupyterLab is about to save: a notebook by cell, a text file by line."""
    content, mark = model.get("content"), Fingerprint.random()
    if model.get("type") == "notebook" and isinstance(content, dict):
        return list(notebook_findings(content, path, mark))
    if model.get("type") == "file" and model.get("format") == "text" and isinstance(content, str):
        return [] if PurePosixPath(path).name.startswith(_ALLOWED) else scan_text(content, path, mark)
    return []


def mask(value: Any, name: str = "") -> Any:
    """A copy of JSON-like data in which every key that a scan sees is replaced by its kind."""
    if isinstance(value, str):
        return _mask_text(value, name)
    if isinstance(value, list):
        if all(isinstance(line, str) for line in value) and find_secrets("".join(value)):
            return _mask_text("".join(value), name).splitlines(keepends=True)
        return [mask(item, name) for item in value]
    if isinstance(value, dict):
        return {_mask_text(key): mask(item, key) for key, item in value.items()}
    return value


def _mask_text(text: str, name: str = "") -> str:
    hits = find_secrets(text)
    if not hits:  # the name may be what makes the value a secret: {"api_key": "…"}
        return "[removed]" if name and find_secrets(f"{name}={text}") else text
    text = plain_text(text)
    for hit in reversed(hits):
        text = text[: hit.start] + f"[{hit.kind} removed]" + text[hit.end :]
    return text


def _message(findings: list[Finding], copy: str) -> str:
    """What the learner reads: what, where, what to do, and that nothing is lost."""
    kept = f"Your work without the key is in {copy}." if copy else "Your work is still in this tab."
    return (
        f"Not saved: a key would be written to disk ({_places(findings)}). Read it from LLM_API_KEY "
        f"instead, clear the output that shows it, and save again. {kept} If anybody saw the key, rotate it."
    )


def _places(findings: list[Finding]) -> str:
    said = [f"{f.place or f'line {f.line}'}: {f.kind.replace('_', ' ')}" for f in findings[:3]]
    return "; ".join(said) + (f"; and {len(findings) - 3} more" if len(findings) > 3 else "")


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
