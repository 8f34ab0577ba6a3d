"""Leaked keys are found where they hide, named by place and kind, and never repeated."""

import base64
import io
import json
import os
import random
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scan_corpus import CELLS, NOTEBOOKS, PREFIXED, TEXTS, Case, negatives, notebook, positives

from labkit.fingerprints import FingerprintError
from labkit.keykinds import KEY_KINDS, make_fake
from labkit.scan import (
    Baseline,
    Finding,
    Fingerprint,
    GitError,
    collect,
    find_secrets,
    run_scan,
    scan_history,
    scan_notebook,
    scan_staged,
    scan_text,
)
from labkit.scan.assigned import looks_random
from labkit.scan.files import decode, files_under, scan_bytes, scan_file
from labkit.scan.notebook import parse_notebook
from labkit.scan.report import as_json, as_sarif, as_text

MARK = Fingerprint(b"a key for the tests of the scan")
KINDS = {kind.name: kind for kind in KEY_KINDS}
ROOT = Path(__file__).parent.parent


def fake(kind: str = "groq", seed: int = 1) -> str:
    """A key of the right shape that opens nothing."""
    return make_fake(KINDS[kind], random.Random(seed).random)


def found_in(case: Case) -> list[Finding]:
    """Scan one file of the corpus."""
    return scan_bytes(case.text.encode(), case.path, MARK).findings


def is_found(case: Case) -> bool:
    """A key with a prefix counts only when exactly this value was recognised, first to last letter."""
    findings = found_in(case)
    return any(f.fingerprint == MARK(case.key) for f in findings) if case.prefixed else bool(findings)


# --- the corpus -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [11, 12])
def test_recall_over_kinds_and_contexts(seed):
    """At least .95 of keys with a prefix, .85 of all, in more than 30 contexts and every kind of output."""
    cases = list(positives(seed))
    assert len(cases) >= 400
    assert len(PREFIXED) >= 25
    assert len(TEXTS) + len(NOTEBOOKS) >= 30
    hits = Counter(case.prefixed for case in cases if is_found(case))
    total = Counter(case.prefixed for case in cases)
    figures = f"prefixed {hits[True] / total[True]:.4f}, all {sum(hits.values()) / len(cases):.4f}"
    assert hits[True] >= 0.95 * total[True], figures
    assert sum(hits.values()) >= 0.85 * len(cases), figures


@pytest.mark.parametrize("seed", [11, 12])
def test_false_positives_over_hard_negatives(seed):
    """At most 1 in 100 of hashes, ids, images, lock files, placeholders and lookups is flagged."""
    cases = list(negatives(seed))
    wrong = [(case.context, found_in(case)[0].kind) for case in cases if found_in(case)]
    assert len(cases) >= 400
    assert len(wrong) <= 0.01 * len(cases), wrong


def test_each_context_and_each_kind_holds_its_own():
    """No average hides a blind spot: every context finds 9 of 10 prefixed keys, every kind too."""
    cases = [case for case in positives(13) if case.prefixed]
    for group in ("context", "kind"):
        total = Counter(getattr(case, group) for case in cases)
        hits = Counter(getattr(case, group) for case in cases if is_found(case))
        assert {
            name: hits[name] / number for name, number in total.items() if hits[name] < 0.9 * number
        } == {}


def test_no_report_repeats_a_key():
    """Neither text, JSON, SARIF nor the findings' own text has 8 characters in a row of any key."""
    for case in random.Random(3).sample(list(positives(14)), 300):
        body = case.key[-24:]
        findings = found_in(case)
        said = [repr(findings), *map(str, findings), repr(find_secrets(case.text))]
        assert not any(body[i : i + 8] in text for text in said for i in range(len(body) - 7)), case.context


# --- one text -------------------------------------------------------------------------------------


@given(
    kind=st.sampled_from(KEY_KINDS),
    seed=st.integers(0, 2**32),
    before=st.sampled_from(
        ["", " ", '"', "'", "=", ":", ">", "(", "\\n", "%22", "\\u0022", "\x1b[31m", "/", "_"]
    ),
    after=st.sampled_from(
        ["", " ", '"', "<", "&x=1", ",", ".", '\\"', ")", ";", "\n", "\x1b[39m", "%22", "…"]
    ),
)
def test_a_key_is_found_whole_between_any_neighbours(kind, seed, before, after):
    """What stands before and after decides nothing, unless it could be part of the key."""
    key = make_fake(kind, random.Random(seed).random)
    hits = find_secrets(f"x {before}{key}{after} y")
    assert (kind.name, key) in [(hit.kind, hit.value) for hit in hits]


def test_the_line_is_counted_from_one():
    """Line 3 is where an editor shows it."""
    assert [f.line for f in scan_text(f"a\nb\n{fake()}\n")] == [3]


def test_many_keys_on_one_line_are_many_findings():
    """Neighbours do not swallow each other."""
    keys = [fake(seed=seed) for seed in range(20)]
    assert [hit.value for hit in find_secrets(",".join(keys))] == keys


def test_the_same_key_twice_has_one_fingerprint():
    """Repeats correlate within a report, and another fingerprint key gives other digits."""
    text = f"{fake()} {fake()} {fake(seed=2)}"
    marks = [f.fingerprint for f in scan_text(text, fingerprint=MARK)]
    assert marks[0] == marks[1] != marks[2]
    assert marks[0] not in [f.fingerprint for f in scan_text(text)]


def test_encodings_are_named_from_the_outside_in():
    """base64 around a percent code around a key is said in that order."""
    key = fake("openai_project")
    coded = base64.b64encode(f"k={key.replace('-', '%2D')}&x=1".encode()).decode()
    assert [(hit.value, hit.via) for hit in find_secrets(coded)] == [(key, ("base64", "url"))]


def test_endless_encoding_ends():
    """A text wrapped ten times is followed a fixed depth, and costs no more."""
    text = fake()
    for _ in range(10):
        text = base64.b64encode(text.encode()).decode()
    assert find_secrets(text) == []


def test_a_private_key_is_found_by_its_header():
    """The body may follow a line break or an escaped one; a public key passes."""
    body = base64.b64encode(random.Random(4).randbytes(120)).decode()
    for rule in ("RSA PRIVATE", "PRIVATE", "OPENSSH PRIVATE"):
        for newline in ("\n", "\\n", "\r\n"):
            text = f"-----BEGIN {rule} KEY-----{newline}{body}{newline}-----END {rule} KEY-----"
            assert [hit.kind for hit in find_secrets(text)] == ["private_key"]
    assert find_secrets(f"-----BEGIN PUBLIC KEY-----\n{body}\n") == []


def test_a_signed_token_and_a_password_in_an_address_are_found():
    """Two forms that no prefix table has."""
    draw = random.Random(5)
    part = (
        base64.urlsafe_b64encode(json.dumps({"sub": "luna", "role": "service"}).encode()).decode().rstrip("=")
    )
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    sign = base64.urlsafe_b64encode(draw.randbytes(32)).decode().rstrip("=")
    word = "".join(draw.choices("abcdefghijkmnpqrstuvwxyz23456789", k=16))
    assert [hit.kind for hit in find_secrets(f"Bearer {head}.{part}.{sign}")] == ["signed_token"]
    assert [hit.value for hit in find_secrets(f"postgres://app:{word}@db:5432/x")] == [word]


@pytest.mark.parametrize(
    "value",
    [
        "internationalization2026documentation15",  # long words
        "aBcDeFgHiJkLmNoPqRsTuV1",  # one digit: letters somebody chose
        "1234098712340987123409871234",  # only digits
        "build-name-for-2026-11-24",  # words joined by punctuation
        "a1a1a1a1a1a1a1a1a1a1a1a1",  # two characters
        "src/app/4a/5b/6c/7d/8e/9f",  # a path
        str(uuid.UUID(int=random.Random(6).getrandbits(128))),  # an id by its form
    ],
)
def test_written_values_do_not_look_random(value):
    """Each shows one reason why a person wrote it and no generator drew it."""
    assert not looks_random(value)
    assert find_secrets(f'api_key = "{value}"') == []


# --- notebooks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(CELLS))
def test_every_part_of_a_cell_is_scanned_and_named(tmp_path, name):
    """The finding says cell 2, and which part of it."""
    path = tmp_path / "a.ipynb"
    path.write_text(notebook(CELLS[name]("LLM_API_KEY", fake())), encoding="utf-8")
    findings = scan_notebook(path)
    assert {finding.kind for finding in findings} == {"groq"}
    assert all(finding.place.startswith("cell 2, ") for finding in findings)


def test_places_read_as_a_person_would_say_them(tmp_path):
    """Source, the second output by its mime type, and the notebook's own metadata."""
    key = fake()
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["fine\n"]},
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": ["<b>\n", f"{key}</b>"]}},
    ]
    cell = {"cell_type": "code", "metadata": {}, "source": ["\n", f"k = '{key}'"], "outputs": outputs}
    path = tmp_path / "a.ipynb"
    path.write_text(notebook(cell, metadata={"note": key}), encoding="utf-8")
    assert [(f.place, f.line) for f in scan_notebook(path, MARK)] == [
        ("notebook metadata", 2),
        ("cell 2, code source", 2),
        ("cell 2, output 2 (text/html)", 2),
    ]
    assert (
        str(scan_notebook(path, MARK)[1]) == f"{path}: cell 2, code source, line 2: groq [{MARK(key)[17:29]}]"
    )


def test_image_outputs_are_not_read(tmp_path):
    """Text that happens to stand in image bytes is no leak that anybody can read."""
    shown = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/png": fake(), "image/jpeg": fake()},
    }
    cell = {"cell_type": "code", "metadata": {}, "source": "", "outputs": [shown]}
    path = tmp_path / "a.ipynb"
    path.write_text(notebook(cell), encoding="utf-8")
    assert scan_notebook(path) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"cells": 3}', "[" * 100_000])
def test_what_is_no_notebook_is_said_and_still_scanned(text):
    """A torn notebook is reported, not fatal, and its text is scanned all the same."""
    with pytest.raises(ValueError, match=r"no notebook|nested|Expecting"):
        parse_notebook(text)
    scanned = scan_bytes(f"{text}\n{fake()}".encode(), "a.ipynb", MARK)
    assert [f.kind for f in scanned.findings] == ["groq"]
    assert [item.path for item in scanned.skipped] == ["a.ipynb"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["cells", "outputs", "data", "text", "source", "metadata", "attachments", "traceback"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_in_a_notebook_ends_as_a_result(value):
    """Whatever stands where a list or a text should be, the scan ends without an exception."""
    cell = {"outputs": value, "source": value, "attachments": value}
    body = json.dumps({"cells": [value, cell], "metadata": value})
    assert scan_bytes(body.encode(), "a.ipynb", MARK).findings == []


# --- files ----------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_named_and_the_rest_is_scanned(tmp_path):
    """A binary, a huge file and a folder in a file's place do not stop the scan."""
    (tmp_path / "a.bin").write_bytes(b"\0\1" + fake().encode())
    (tmp_path / "b.txt").write_text(fake())
    assert (
        scan_file(tmp_path / "b.txt", MARK, max_bytes=10).skipped[0].reason
        == "47 bytes, over the limit of 10"
    )
    assert scan_file(tmp_path, MARK).skipped[0].reason == "not a regular file"
    report = collect([tmp_path])
    assert [f.kind for f in report.findings] == ["groq"]
    assert [item.reason for item in report.skipped] == ["binary"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_named(tmp_path):
    """Only the kind of error is said."""
    (tmp_path / "a.txt").touch(mode=0)
    assert "PermissionError" in scan_file(tmp_path / "a.txt", MARK).skipped[0].reason


def test_utf16_and_broken_utf8_are_read():
    """PowerShell writes UTF-16; a stray byte hides nothing."""
    assert [h.kind for h in find_secrets(decode(fake().encode("utf-16")) or "")] == ["groq"]
    assert [h.kind for h in find_secrets(decode(b"\xff\xfe\xfa"[2:] + fake().encode()) or "")] == ["groq"]


def test_records_name_the_field():
    """A secret in a JSONL record is placed by line and field; a torn last line is scanned too."""
    key = fake()
    text = "\n".join([json.dumps({"n": 1}), json.dumps({"args": {"model": ["m", key]}}), f'{{"torn": "{key}'])
    findings = scan_bytes(text.encode(), "calls.jsonl", MARK).findings
    assert [(f.line, f.place) for f in findings] == [(2, "field args.model[1]"), (3, "torn record")]


def test_a_directory_outside_git_is_walked_without_caches(tmp_path):
    """`.venv` and `node_modules` hold other people's code."""
    for name in ("src/a.py", ".venv/b.py", "node_modules/c.js", ".env"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [path.relative_to(tmp_path).as_posix() for path in files_under(tmp_path)] == [".env", "src/a.py"]


# --- git ------------------------------------------------------------------------------------------


def git(where: Path, *arguments: str) -> str:
    """Run git with a fixed author."""
    who = ["-c", "user.name=Luna", "-c", "user.email=luna@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(where), *who, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path) -> Path:
    """An empty repository."""
    git(tmp_path, "init", "-q", "-b", "main")
    return tmp_path


def commit(repository: Path, name: str, text: str | None, message: str = "change") -> str:
    """Write (or remove) one file, commit it, and give the commit's id."""
    if text is None:
        (repository / name).unlink()
    else:
        (repository / name).write_text(text, encoding="utf-8")
    git(repository, "add", "--all")
    git(repository, "commit", "-q", "-m", message)
    return git(repository, "rev-parse", "HEAD")


def test_a_key_that_was_deleted_is_found_in_history_with_its_commit(repository):
    """The work tree is clean, the clone is not; the first commit that had it is named."""
    commit(repository, "a.py", "x = 1\n")
    leak = commit(repository, "a.py", f"key = '{fake()}'\n")
    commit(repository, "a.py", "x = 2\n")
    assert collect([repository]).findings == ()
    (finding,) = scan_history(repository, MARK).findings
    assert (finding.path, finding.kind, finding.commit, finding.place) == (
        "a.py",
        "groq",
        leak,
        "history only",
    )


def test_history_reads_branches_stashes_messages_and_notebooks_by_cell(repository):
    """Every place that git keeps: another branch, a stash, a commit message, a deleted notebook."""
    commit(repository, "a.py", "x = 1\n")
    commit(repository, "n.ipynb", notebook(CELLS["html"]("LLM_API_KEY", fake("groq"))))
    commit(repository, "n.ipynb", None, message=f"remove {fake('xai')}")
    git(repository, "checkout", "-q", "-b", "side")
    commit(repository, "side.env", f"K={fake('huggingface')}\n")
    git(repository, "checkout", "-q", "main")
    (repository / "a.py").write_text(f"k = '{fake('replicate')}'\n")
    git(repository, "stash", "-q")
    findings = scan_history(repository, MARK).findings
    assert {f.kind for f in findings} == {"groq", "xai", "huggingface", "replicate"}
    places = {f.kind: f"{f.path} {f.place}" for f in findings}
    assert places["groq"] == "n.ipynb cell 2, output 1 (text/html), history only"
    assert places["xai"].startswith("commit message")
    assert all(len(f.commit) == 40 for f in findings)


def test_the_whole_corpus_of_one_kind_is_found_in_history_only(repository):
    """Every context, deleted again, at the same recall as on disk."""
    cases = [case for case in positives(15) if case.kind == "anthropic"]
    for number, case in enumerate(cases):
        (repository / f"{number}-{case.path}").write_bytes(case.text.encode())
    git(repository, "add", "--all", "--force")
    git(repository, "commit", "-q", "-m", "all")
    git(repository, "rm", "-q", "-r", ".")
    git(repository, "commit", "-q", "-m", "none")
    marks = {f.fingerprint for f in scan_history(repository, MARK).findings}
    assert sum(MARK(case.key) in marks for case in cases) >= 0.95 * len(cases)


def test_staged_reads_the_index_and_not_the_work_tree(repository):
    """A key that was staged and then edited away on disk is still about to be committed."""
    commit(repository, "old.py", f"k = '{fake('xai')}'\n")
    (repository / "new name é.py").write_text(f"k = '{fake()}'\n")
    git(repository, "add", "--all")
    (repository / "new name é.py").write_text("k = None\n")
    (repository / "unstaged.py").write_text(f"k = '{fake()}'\n")
    assert [(f.path, f.kind) for f in scan_staged(repository, MARK).findings] == [("new name é.py", "groq")]


def test_one_content_staged_under_two_names_is_two_findings(repository):
    """Git stores it once; both files must be cleaned."""
    for name in ("a.py", "b.py"):
        (repository / name).write_text(f"k = '{fake()}'\n")
    git(repository, "add", "--all")
    assert [f.path for f in scan_staged(repository, MARK).findings] == ["a.py", "b.py"]


def test_ignored_files_are_not_scanned_in_a_repository(repository):
    """`.env` is where keys belong; what git ignores is not about to leak through git."""
    (repository / ".gitignore").write_text(".env\n")
    (repository / ".env").write_text(f"LLM_API_KEY={fake()}\n")
    (repository / "untracked.py").write_text(f"k = '{fake()}'\n")
    assert [Path(f.path).name for f in collect([repository]).findings] == ["untracked.py"]


def test_outside_a_repository_git_is_an_error_with_its_reason(tmp_path):
    """`--staged` in the wrong folder must not look like a clean scan."""
    with pytest.raises(GitError, match="not a git repository"):
        scan_staged(tmp_path, MARK)


# --- command and reports --------------------------------------------------------------------------


def scan(*paths: Path, **options) -> tuple[int, str]:
    """Run the command's function; its exit code and what it printed."""
    out = io.StringIO()
    return run_scan(list(paths), out=out, **options), out.getvalue()


def test_exit_codes_tell_the_truth(tmp_path, capsys):
    """0 clean, 1 found, 2 the scan failed and says why on standard error."""
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    assert scan(path)[0] == 0
    path.write_text(fake())
    assert scan(path)[0] == 1
    for options in ({"form": "xml"}, {"staged": True, "history": True}, {"staged": True}, {"baseline": path}):
        assert scan(tmp_path, **options)[0] == 2
        assert capsys.readouterr().err.startswith("labkit scan: ")
    assert scan(tmp_path / "nowhere")[0] == 2
    assert "nowhere does not exist" in capsys.readouterr().err


def test_the_text_report_says_what_to_do(tmp_path):
    """One line a finding, and rotation before removal."""
    (tmp_path / "a.py").write_text(f"k = '{fake()}'")
    code, text = scan(tmp_path)
    lines = text.splitlines()
    assert code == 1
    assert lines[0].startswith(f"{(tmp_path / 'a.py').as_posix()}: line 1: groq [")
    assert lines[1] == "1 secret in 1 files."
    assert lines[2].startswith("Rotate each key first")


def test_the_json_report_has_every_field(tmp_path):
    """Kind, provider, place and fingerprint for programs, without the key."""
    (tmp_path / "a.ipynb").write_text(notebook(CELLS["stdout"]("LLM_API_KEY", fake("anthropic"))))
    code, text = scan(tmp_path, form="json")
    body = json.loads(text)
    assert (code, body["version"], body["files"], body["known"], body["skipped"]) == (1, 1, 1, 0, [])
    (finding,) = body["findings"]
    assert (finding["kind"], finding["provider"], finding["place"]) == (
        "anthropic", "anthropic", "cell 2, output 1 (stdout)",
    )  # fmt: skip


def test_the_sarif_report_has_what_the_standard_requires(tmp_path):
    """SARIF 2.1.0: version, tool, rules that results point to, locations and stable fingerprints."""
    (tmp_path / "a.py").write_text(f"\nk = '{fake()}'")
    (tmp_path / "b.ipynb").write_text(notebook(CELLS["source"]("LLM_API_KEY", fake("xai"))))
    (tmp_path / "c.bin").write_bytes(b"\0")
    body = json.loads(as_sarif(collect([tmp_path])))
    (run,) = body["runs"]
    assert body["version"] == "2.1.0"
    assert body["$schema"].endswith("sarif-2.1.0.json")
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert [(rules[r["ruleIndex"]], r["level"]) for r in run["results"]] == [
        ("groq", "error"),
        ("xai", "error"),
    ]
    first, second = (result["locations"][0] for result in run["results"])
    assert first["physicalLocation"]["region"] == {"startLine": 2}
    assert second["logicalLocations"] == [{"fullyQualifiedName": "cell 2, code source"}]
    assert all(result["message"]["text"] and result["partialFingerprints"] for result in run["results"])
    assert "binary" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_a_baseline_hides_what_it_knows_and_nothing_else(tmp_path):
    """The accepted key stays silent when its line moves; a new one, or the same in another file, does not."""
    source, accepted = tmp_path / "a.py", tmp_path / "baseline.json"
    source.write_text(f"k = '{fake()}'")
    assert scan(source, write_baseline=accepted)[0] == 0
    assert fake() not in accepted.read_text()
    source.write_text(f"\n\nk = '{fake()}'")
    code, text = scan(source, baseline=accepted)
    assert (code, "1 in the baseline" in text) == (0, True)
    (tmp_path / "b.py").write_text(f"k = '{fake()}'")
    assert scan(tmp_path / "b.py", baseline=accepted)[0] == 1
    source.write_text(f"k = '{fake(seed=9)}'")
    assert scan(source, baseline=accepted)[0] == 1


def test_rewriting_a_baseline_keeps_its_key_and_drops_what_is_gone(tmp_path):
    """A diff of the baseline shows what changed and nothing else."""
    source, accepted = tmp_path / "a.py", tmp_path / "baseline.json"
    source.write_text(f"{fake()} {fake(seed=2)}")
    scan(source, write_baseline=accepted)
    before = json.loads(accepted.read_text())
    source.write_text(f"{fake()}")
    scan(source, baseline=accepted, write_baseline=accepted)
    after = json.loads(accepted.read_text())
    assert after["fingerprint_key"] == before["fingerprint_key"]
    assert len(after["findings"]) == 1
    assert after["findings"][0] in before["findings"]


def test_a_fingerprint_key_is_never_short():
    """An empty key would make the fingerprint a plain hash that anybody can test guesses against."""
    with pytest.raises(FingerprintError, match="16 bytes"):
        Fingerprint(b"")
    assert Baseline(MARK).accepted == frozenset()


def test_every_drawn_fingerprint_key_is_accepted():
    """Raw bytes sometimes hold `${` or `<…>`, which looks like a placeholder; drawn keys are hex."""
    assert len({Fingerprint.random().key for _ in range(2000)}) == 2000


def test_reports_of_a_clean_scan_are_clean():
    """No findings is a sentence in text and empty lists elsewhere."""
    report = collect([])
    assert as_text(report) == "no secrets in 0 files."
    assert json.loads(as_json(report))["findings"] == []
    assert json.loads(as_sarif(report))["runs"][0]["results"] == []


def test_a_commit_with_a_key_is_refused_by_the_hook(repository):
    """The shipped command as a git hook: the commit does not happen, and without the key it does."""
    line = "import sys; from labkit.cli import run; sys.exit(run(['scan', '--staged']))"
    hook = repository / ".git" / "hooks" / "pre-commit"
    hook.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{line}"\n')
    hook.chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError) as caught:
        commit(repository, "a.py", f"k = '{fake()}'\n")
    assert "a.py: line 1: groq" in caught.value.stdout + caught.value.stderr
    assert len(commit(repository, "a.py", "k = None\n")) == 40


def test_the_shipped_hook_runs_the_staged_scan():
    """pre-commit reads this file from the repository's root."""
    text = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    assert "entry: labkit scan --staged\n" in text
    assert "pass_filenames: false\n" in text


# --- this project ---------------------------------------------------------------------------------


def test_this_project_is_clean():
    """Everything git tracks or would add here passes its own scan, tests and notebooks included."""
    report = collect([ROOT])
    assert report.files > 10
    assert [str(finding) for finding in report.findings] == []
