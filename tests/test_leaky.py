"""The teaching notebook leaks exactly where the lesson says it does."""

import json

import nbformat
import pytest

from labkit.lab.leaky import LEAKS, leaky_notebook
from labkit.scan import scan_notebook, scan_text


@pytest.mark.parametrize("kind", ["groq", "openai_project", "anthropic"])
def test_the_scan_finds_each_place_and_no_other(tmp_path, kind):
    """Five places, five findings, one key."""
    findings = scan_notebook(leaky_notebook(tmp_path / "a.ipynb", kind=kind))
    assert [finding.place for finding in findings] == list(LEAKS)
    assert {finding.kind for finding in findings} == {kind}
    assert len({finding.fingerprint for finding in findings}) == 1


def test_what_a_reader_sees_first_is_clean(tmp_path):
    """Source and plain text hold no key: clearing or reading those proves nothing."""
    book = json.loads(leaky_notebook(tmp_path / "a.ipynb").read_text())
    sources = "\n".join(cell["source"] for cell in book["cells"])
    plain = book["cells"][2]["outputs"][0]["data"]["text/plain"]
    assert scan_text(sources + plain) == []


def test_it_is_a_real_notebook_and_the_same_each_time(tmp_path):
    """JupyterLab opens it, and a lesson's figures do not change from run to run."""
    first, second = leaky_notebook(tmp_path / "a.ipynb"), leaky_notebook(tmp_path / "b.ipynb")
    assert first.read_text() == second.read_text()
    assert leaky_notebook(tmp_path / "c.ipynb", seed=8).read_text() != first.read_text()
    nbformat.read(first, as_version=4)
