"""Files, as OpenAI's batches need them: uploaded once, read back by id.

A batch names its input and its output by file id. Lose the id and the work is lost with it, which is why
the list can be asked for by purpose.

POST /v1/files (multipart: purpose, file)     GET /v1/files[/{id}[/content]]     DELETE /v1/files/{id}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from labkit.lab.provider.desk import Incoming
from labkit.lab.provider.problems import Problem
from labkit.lab.provider.reply import Reply, json_reply
from labkit.lab.provider.state import State

_PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")


@dataclass(frozen=True, slots=True)
class File:
    """One stored file."""

    id: str
    name: str
    purpose: str
    created_at: int
    content: bytes

    def as_dict(self) -> dict[str, Any]:
        """The file object."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created_at,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
        }


class Files:
    """Every file that was uploaded, and every one that a batch wrote."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._files: dict[str, File] = {}
        state.on_reset(self._files.clear)

    def add(self, name: str, purpose: str, content: bytes) -> File:
        """Store a file."""
        file = File(self.state.next_id("file-"), name, purpose, int(self.state.now()), content)
        self._files[file.id] = file
        return file

    def find(self, file_id: str) -> File:
        """The file, or a 404."""
        file = self._files.get(file_id)
        if file is None:
            raise Problem(404, None, "No such file object.", param="id")
        return file

    async def upload(self, incoming: Incoming) -> Reply:
        """POST /v1/files."""
        form = await _form(incoming)
        purpose, upload = form.get("purpose"), form.get("file")
        if purpose not in _PURPOSES:
            raise Problem(
                400, "invalid_value", "'purpose' must be a purpose such as 'batch'.", param="purpose"
            )
        if not isinstance(upload, UploadFile):
            raise Problem(400, "missing_required_parameter", "'file' is required.", param="file")
        file = self.add((upload.filename or "upload")[:200], str(purpose), await upload.read())
        await upload.close()
        return json_reply(file.as_dict())

    async def listing(self, incoming: Incoming) -> Reply:
        """GET /v1/files."""
        purpose = incoming.request.query_params.get("purpose")
        data = [file.as_dict() for file in self._files.values() if purpose in (None, file.purpose)]
        return json_reply({"object": "list", "data": data, "has_more": False})

    async def one(self, incoming: Incoming) -> Reply:
        """GET /v1/files/{id}."""
        return json_reply(self.find(incoming.part("id")).as_dict())

    async def content(self, incoming: Incoming) -> Reply:
        """GET /v1/files/{id}/content."""
        file = self.find(incoming.part("id"))
        return Reply(200, [file.content], {}, "application/octet-stream")

    async def delete(self, incoming: Incoming) -> Reply:
        """DELETE /v1/files/{id}."""
        file = self.find(incoming.part("id"))
        del self._files[file.id]
        return json_reply({"id": file.id, "object": "file", "deleted": True})


async def _form(incoming: Incoming) -> dict[str, Any]:
    """The parts of a multipart body."""
    try:
        form = await incoming.request.form(max_part_size=len(incoming.raw) + 1)
    except HTTPException as exc:
        raise Problem(400, None, "The multipart body cannot be read.") from exc
    if not form:
        raise Problem(400, None, "Send the file as multipart/form-data.")
    return dict(form.multi_items())
