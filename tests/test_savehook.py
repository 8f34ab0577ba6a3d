"""JupyterLab cannot write a key to disk, and a refused save loses nothing."""

import json
import os
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from scan_corpus import NOTEBOOKS, notebook, positives
from tornado.web import HTTPError

from labkit.keykinds import KEY_KINDS, make_fake
from labkit.lab import savehook
from labkit.lab.savehook import SaveGuard, findings_in_model, mask

SETTINGS = Path(savehook.__file__).with_name("jupyter")
KINDS = {kind.name: kind for kind in KEY_KINDS}
KEY = make_fake(KINDS["groq"], random.Random(5).random)


class Contents:
    """As much of a contents manager as the hooks read."""

    def __init__(self, root: Path) -> None:
        self.root_dir = str(root)


def model_of(text: str) -> dict:
    """What JupyterLab sends for a notebook."""
    return {"type": "notebook", "format": "json", "content": json.loads(text)}


def shown(text: str, source: str = "x = 1") -> dict:
    """A notebook with one output."""
    output = {"output_type": "stream", "name": "stdout", "text": [text]}
    return model_of(notebook({"cell_type": "code", "metadata": {}, "source": [source], "outputs": [output]}))


def refused(guard: SaveGuard, model: dict, root: Path, path: str = "work/a.ipynb") -> str:
    """The message of the refused save."""
    with pytest.raises(HTTPError) as caught:
        guard.before(model=model, path=path, contents_manager=Contents(root))
    assert caught.value.status_code == 400
    assert KEY not in str(caught.value)
    return str(caught.value.log_message)


def test_a_save_with_a_key_is_refused_with_cell_and_kind(tmp_path):
    """The message says where, what, and where the work is."""
    (tmp_path / "work").mkdir()
    message = refused(SaveGuard(), shown(f"key {KEY}"), tmp_path)
    assert "cell 2, output 1 (stdout): groq" in message
    assert "a.without-keys.ipynb" in message


def test_the_copy_has_all_the_work_and_no_key(tmp_path):
    """Everything but the key is on disk, though the save was refused."""
    (tmp_path / "work").mkdir()
    refused(SaveGuard(), shown(f"before {KEY} after", source="precious = 'work'"), tmp_path)
    text = (tmp_path / "work" / "a.without-keys.ipynb").read_text(encoding="utf-8")
    cell = json.loads(text)["cells"][1]
    assert cell["outputs"][0]["text"] == ["before [groq removed] after"]
    assert cell["source"] == ["precious = 'work'"]


def test_a_clean_save_passes_and_takes_the_copy_away(tmp_path):
    """After the key is gone and the notebook is saved, nothing is left to tidy up."""
    guard, copy = SaveGuard(), tmp_path / "a.without-keys.ipynb"
    refused(guard, shown(KEY), tmp_path, "a.ipynb")
    assert copy.exists()
    guard.before(model=shown("fine"), path="a.ipynb", contents_manager=Contents(tmp_path))
    guard.after(os_path=str(tmp_path / "a.ipynb"))
    assert not copy.exists()


def test_a_copy_that_somebody_changed_is_never_touched(tmp_path):
    """Autosave comes back every two minutes; work done in the copy stays."""
    guard, copy = SaveGuard(), tmp_path / "a.without-keys.ipynb"
    refused(guard, shown(KEY), tmp_path, "a.ipynb")
    copy.write_text("mine now")
    assert "a.without-keys-2.ipynb" in refused(guard, shown(KEY), tmp_path, "a.ipynb")
    refused(guard, shown(KEY), tmp_path, "a.ipynb")
    guard.after(os_path=str(tmp_path / "a.ipynb"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.without-keys.ipynb"]
    assert copy.read_text() == "mine now"


@pytest.mark.parametrize("kind", ["anthropic", "mistral"])
@pytest.mark.parametrize("context", sorted(NOTEBOOKS))
def test_masking_leaves_no_key_in_any_part(context, kind):
    """Whatever part of a notebook held the key, the masked copy passes the same scan."""
    case = next(c for c in positives(21) if c.context == context and c.kind == kind)
    model = model_of(case.text)
    assert findings_in_model(model, "a.ipynb")
    clean = {**model, "content": mask(model["content"])}
    assert findings_in_model(clean, "a.ipynb") == []
    assert case.key not in json.dumps(clean)


def test_without_a_place_for_the_copy_the_save_is_still_refused(tmp_path):
    """A contents manager without files: the tab keeps the work, and the message says so."""
    assert "still in this tab" in refused(SaveGuard(), shown(KEY), Path(), "nowhere/a.ipynb")


def test_text_files_are_watched_and_the_env_file_is_where_keys_belong(tmp_path):
    """A script is refused; .env passes; a binary upload is not looked at."""
    text = {"type": "file", "format": "text", "content": f"k = '{KEY}'\n"}
    assert "line 1: groq" in refused(SaveGuard(), text, tmp_path, "a.py")
    guard = SaveGuard()
    guard.before(model=text, path="work/.env", contents_manager=Contents(tmp_path))
    guard.before(model={**text, "format": "base64"}, path="a.bin", contents_manager=Contents(tmp_path))
    guard.before(model={"type": "directory"}, path="d", contents_manager=Contents(tmp_path))


@pytest.fixture
def server(tmp_path):
    """A real JupyterLab with the settings that `labkit start` brings."""
    home = {name: str(tmp_path / name) for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "HOME")}
    root = tmp_path / "root"
    root.mkdir()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port=0",
               "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={root}"]  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, "JUPYTER_CONFIG_PATH": str(SETTINGS), **home},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield root, _address(process, Path(home["JUPYTER_RUNTIME_DIR"]), tmp_path / "log")
    finally:
        process.terminate()
        process.wait(20)


def _address(process, runtime: Path, log: Path) -> tuple[str, str]:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        for note in runtime.glob("jpserver-*.json"):
            try:
                facts = json.loads(note.read_text())
                urllib.request.urlopen(f"{facts['url']}api/status?token={facts['token']}").close()
            except (OSError, ValueError):
                continue
            return facts["url"], facts["token"]
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def _put(address: tuple[str, str], path: str, model: dict) -> tuple[int, dict]:
    url, token = address
    request = urllib.request.Request(
        f"{url}api/contents/{path}",
        json.dumps(model).encode(),
        {"Authorization": f"token {token}"},
        method="PUT",
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_jupyterlab_refuses_and_then_saves(server):
    """Over HTTP, as the browser does it: refused, no key on disk or in the log, then saved."""
    root, address = server
    status, answer = _put(address, "a.ipynb", shown(KEY))
    assert status == 400
    assert answer["message"].startswith("Not saved: a key would be written to disk (cell 2")
    assert [path.name for path in root.iterdir()] == ["a.without-keys.ipynb"]
    assert not any(KEY in path.read_text() for path in root.rglob("*") if path.is_file())
    assert KEY not in (root.parent / "log").read_text()
    status, _ = _put(address, "a.ipynb", shown("fine"))
    assert status == 201
    assert [path.name for path in root.iterdir() if path.is_file()] == ["a.ipynb"]
