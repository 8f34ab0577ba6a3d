"""Where keys leak and what only looks like a key, drawn anew from a seed: nothing here is a stored value.

The shapes are written down a second time, from the providers' pages, and not taken from the table under test.
"""

# ruff: noqa: E501 - a shape on one line reads as a table
import base64
import html
import json
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

LETTERS = "abcdefghijklmnopqrstuvwxyz"
B62 = LETTERS + LETTERS.upper() + "0123456789"
URL = B62 + "-_"
HEX = "0123456789abcdef"
LOW = LETTERS + "0123456789"


@dataclass(frozen=True)
class Case:
    """One file of the corpus. ``key`` is what a scan must not repeat."""

    kind: str
    context: str
    path: str
    text: str
    key: str
    prefixed: bool


class Draw:
    """Random text by alphabet."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def __call__(self, alphabet: str, length: int) -> str:
        """So many characters of an alphabet."""
        return "".join(self.random.choices(alphabet, k=length))


PREFIXED: dict[str, Callable[[Draw], str]] = {
    "openai_project": lambda d: "sk-proj-" + d(URL, 74) + "T3Blbk" + "FJ" + d(URL, 74),
    "openai_service_account": lambda d: "sk-svcacct-" + d(URL, 58) + "T3Blbk" + "FJ" + d(URL, 58),
    "openai_admin": lambda d: "sk-admin-" + d(URL, 58) + "T3Blbk" + "FJ" + d(URL, 58),
    "openai_legacy": lambda d: "sk-" + d(B62, 20) + "T3Blbk" + "FJ" + d(B62, 20),
    "deepseek": lambda d: "sk-" + d(HEX, 32),
    "anthropic": lambda d: "sk-ant-api03-" + d(URL, 93) + "AA",
    "anthropic_admin": lambda d: "sk-ant-admin01-" + d(URL, 93) + "AA",
    "anthropic_oauth": lambda d: "sk-ant-oat01-" + d(URL, 93) + "AA",
    "openrouter": lambda d: "sk-or-v1-" + d(HEX, 64),
    "langfuse": lambda d: "sk-lf-" + str(uuid.UUID(int=d.random.getrandbits(128))),
    "groq": lambda d: "gsk_" + d(B62, 52),
    "xai": lambda d: "xai-" + d(B62, 80),
    "together": lambda d: "tgp_v1_" + d(URL, 43),
    "huggingface": lambda d: "hf_" + d(B62, 34),
    "nvidia": lambda d: "nvapi-" + d(URL, 64),
    "replicate": lambda d: "r8_" + d(B62, 37),
    "perplexity": lambda d: "pplx-" + d(B62, 48),
    "langsmith": lambda d: "lsv2_pt_" + d(HEX, 32) + "_" + d(HEX, 10),
    "cerebras": lambda d: "csk-" + d(LOW, 48),
    "fireworks": lambda d: "fw_" + d(B62, 24),
    "pinecone": lambda d: "pcsk_" + d(B62, 6) + "_" + d(B62, 63),
    "tavily": lambda d: "tvly-dev-" + d(B62, 32),
    "gemini": lambda d: "AQ.Ab8" + d(URL, 47),
    "google_api": lambda d: "AIzaSy" + d(URL, 33),
    "aws_access_key": lambda d: "AKIA" + d(LETTERS.upper() + "234567", 16),
    "databricks": lambda d: "dapi" + d(HEX, 32),
    "github": lambda d: "ghp_" + d(B62, 36),
    "github_fine_grained": lambda d: "github_pat_" + d(B62, 22) + "_" + d(B62, 59),
    "gitlab": lambda d: "glpat-" + d(URL, 20),
    "slack": lambda d: "xoxb-" + d("123456789", 12) + "-" + d("123456789", 12) + "-" + d(B62, 24),
    "stripe_live": lambda d: "sk_live_" + d(B62, 24),
    "sendgrid": lambda d: "SG." + d(URL, 22) + "." + d(URL, 43),
    "npm": lambda d: "npm_" + d(B62, 36),
    "vault": lambda d: "hvs." + d(URL, 92),
    "digitalocean": lambda d: "dop_v1_" + d(HEX, 64),
    "elevenlabs": lambda d: "sk_" + d(HEX, 48),
}  # fmt: skip

PLAIN: dict[str, tuple[str, Callable[[Draw], str]]] = {
    "mistral": ("MISTRAL_API_KEY", lambda d: d(B62, 32)),
    "cohere": ("CO_API_KEY", lambda d: d(B62, 40)),
    "azure": ("AZURE_OPENAI_API_KEY", lambda d: d(HEX, 32)),
    "wandb": ("WANDB_API_KEY", lambda d: d(HEX, 40)),
    "datadog": ("DD_API_KEY", lambda d: d(HEX, 32)),
    "deepgram": ("DEEPGRAM_API_KEY", lambda d: d(HEX, 40)),
    "aws_secret": ("AWS_SECRET_ACCESS_KEY", lambda d: d(B62 + "+/", 40)),
    "twilio": ("TWILIO_AUTH_TOKEN", lambda d: d(HEX, 32)),
    "gateway": ("GATEWAY_CLIENT_SECRET", lambda d: d(URL, 43)),
    "assemblyai": ("ASSEMBLYAI_API_KEY", lambda d: d(LOW, 32)),
}  # fmt: skip


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _all_percent(text: str) -> str:
    return "".join(c if c.isalnum() else f"%{ord(c):02X}" for c in text)


def _all_unicode(text: str) -> str:
    return "".join(c if c.isalnum() else f"\\u{ord(c):04x}" for c in text)


#: A name and a key become a file's text.
TEXTS: dict[str, tuple[str, Callable[[str, str], str]]] = {
    "call": ("app.py", lambda n, k: f'import os\nclient = OpenAI(api_key="{k}", timeout=20)\n'),
    "constant": ("app.py", lambda n, k: f"# local\n{n} = '{k}'\n"),
    "environ": ("app.py", lambda n, k: f'os.environ["{n}"] = "{k}"\n'),
    "default": ("app.py", lambda n, k: f'key = os.getenv("{n}", "{k}")\n'),
    "dict": ("app.py", lambda n, k: f"print({{'model': 'm', '{n}': '{k}'}})\n"),
    "dotenv": (".env.backup", lambda n, k: f"DEBUG=1\n{n}={k}\nPORT=80\n"),
    "export": ("run.sh", lambda n, k: f"export {n}={k};python app.py\n"),
    "flag": ("run.sh", lambda n, k: f"serve --api-key {k} --port 80\n"),
    "curl": ("run.sh", lambda n, k: f'curl -H "Authorization: Bearer {k}" https://api.host/v1\n'),
    "header": ("req.http", lambda n, k: f"POST /v1 HTTP/1.1\nx-api-key: {k}\nhost: api\n"),
    "yaml": ("conf.yaml", lambda n, k: f"llm:\n  {n.lower()}: {k}\n  model: m\n"),
    "toml": ("conf.toml", lambda n, k: f'[llm]\n{n.lower()} = "{k}"\n'),
    "ini": ("conf.ini", lambda n, k: f"[llm]\n{n.lower()}={k}\n"),
    "json": ("conf.json", lambda n, k: json.dumps({"llm": {n: k}, "n": 1})),
    "escaped_json": ("log.txt", lambda n, k: json.dumps({"body": json.dumps({n: k, "n": 1})})),
    "twice_escaped": ("log.txt", lambda n, k: json.dumps(json.dumps(json.dumps({n: k})))),
    "query": ("log.txt", lambda n, k: f"GET https://host/v1?{n.lower()}={quote(k)}&model=m 200\n"),
    "percent": ("log.txt", lambda n, k: "body=" + _all_percent(json.dumps({n.lower(): k}))),
    "unicode": ("conf.json", lambda n, k: f'{{"{n}": "{_all_unicode(k)}"}}'),
    "entities": ("page.html", lambda n, k: html.escape(f'<a data-x="{n}={k}">x</a>').replace("-", "&#45;")),
    "td": ("page.html", lambda n, k: f"<tr><td>{n}</td><td>{k}</td></tr>"),
    "xml": ("conf.xml", lambda n, k: f'<add key="{n}" value="{k}" />'),
    "log": ("app.log", lambda n, k: f"12:00 INFO settings {n.lower()}={k}, retries=2\n"),
    "sentence": ("notes.md", lambda n, k: f"For now the {n.replace('_', ' ').lower()} is {k}. Do not share.\n"),
    "markdown": ("notes.md", lambda n, k: f"- `{n}`: `{k}`\n"),
    "js": ("app.js", lambda n, k: f"const cfg = {{ apiKey: `{k}` }};\n"),
    "docker": ("Dockerfile", lambda n, k: f"FROM python\nENV {n} {k}\n"),
    "csv": ("a.csv", lambda n, k: f"name,value\n{n},{k}\n"),
    "base64": ("a.txt", lambda n, k: _b64(f"{n}={k}\n")),
    "secret_yaml": ("k8s.yaml", lambda n, k: f"data:\n  {n.lower()}: {_b64(k)}\n"),
    "twice_base64": ("a.txt", lambda n, k: "blob: " + _b64(_b64(f"{n}={k}"))),
    "basic": ("run.sh", lambda n, k: f"curl -H 'Authorization: Basic {_b64('user:' + k)}' https://host\n"),
    "provider_error": ("app.log", lambda n, k: f"Error 401: Incorrect API key provided: {k}.\n"),
    "frame": ("out.txt", lambda n, k: f"            name                value\n0   {n}    {k}\n"),
    "record": ("calls.jsonl", lambda n, k: json.dumps({"n": 1}) + "\n" + json.dumps({"args": {n: k}}) + "\n"),
    "crlf": ("win.env", lambda n, k: f"A=1\r\n{n}={k}\r\nB=2\r\n"),
}  # fmt: skip


def _code(**extra: object) -> dict:
    return {"cell_type": "code", "metadata": {}, "source": ["x = 1\n"], "outputs": [], **extra}


def _shown(mime: str, data: object) -> dict:
    return _code(outputs=[{"output_type": "display_data", "data": {mime: data}, "metadata": {}}])


def _result(text: str) -> dict:
    return _code(outputs=[{"output_type": "execute_result", "data": {"text/plain": [text]}, "metadata": {}}])


def _stream(name: str, text: str) -> dict:
    return _code(outputs=[{"output_type": "stream", "name": name, "text": [text]}])


def _error(value: str, traceback: list[str]) -> dict:
    return _code(
        outputs=[{"output_type": "error", "ename": "AuthError", "evalue": value, "traceback": traceback}]
    )


#: A name and a key become one cell; the rest of the notebook is harmless.
CELLS: dict[str, Callable[[str, str], dict]] = {
    "source": lambda n, k: _code(source=["import os\n", f"{n} = '{k}'\n"]),
    "source_string": lambda n, k: _code(source=f"client(api_key='{k}')"),
    "markdown": lambda n, k: {"cell_type": "markdown", "metadata": {}, "source": [f"{n}: {k}\n"]},
    "raw": lambda n, k: {"cell_type": "raw", "metadata": {}, "source": [f"{n}={k}"]},
    "stdout": lambda n, k: _stream("stdout", f"{n} = {k}\n"),
    "stderr": lambda n, k: _stream("stderr", f"WARNING {n.lower()}={k}\n"),
    "result": lambda n, k: _result(f"{{'{n}': '{k}'}}"),
    "html": lambda n, k: _shown("text/html", [f"<td>{n}</td>\n", f"<td>{k}</td>"]),
    "json_output": lambda n, k: _shown("application/json", {"conf": {n: k}}),
    "svg": lambda n, k: _shown("image/svg+xml", f"<svg><text>{n}: {k}</text></svg>"),
    "markdown_output": lambda n, k: _shown("text/markdown", f"**{n}** {k}"),
    "latex": lambda n, k: _shown("text/latex", f"${n} = {k}$"),
    "javascript": lambda n, k: _shown("application/javascript", f"fetch('/x', {{apiKey: '{k}'}})"),
    "error_value": lambda n, k: _error(f"Incorrect API key provided: {k}.", []),
    "traceback": lambda n, k: _error("x", [f"\x1b[31m{n}\x1b[39m = \x1b[33m{k}\x1b[39m", "end"]),
    "traceback_quoted": lambda n, k: _error("x", [f"----> 1 call(\x1b[32mapi_key=\x1b[33m'{k}'\x1b[39m)"]),
    "cell_metadata": lambda n, k: _code(metadata={"tags": [f"{n}={k}"]}),
    "output_metadata": lambda n, k: _code(
        outputs=[{"output_type": "display_data", "data": {}, "metadata": {n: k}}]
    ),
    "attachment": lambda n, k: {
        "cell_type": "markdown", "metadata": {}, "source": "", "attachments": {"a.txt": {"text/plain": f"{n}={k}"}},
    },
    "widget_view": lambda n, k: _shown("application/vnd.jupyter.widget-view+json", {"model_id": "1", n: k}),
}  # fmt: skip


def notebook(*cells: dict, metadata: dict | None = None) -> str:
    """A notebook file with these cells after a harmless one."""
    first = {"cell_type": "markdown", "metadata": {}, "source": ["# Calls\n"]}
    body = {"cells": [first, *cells], "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(body, indent=1)


def _widget_state(name: str, key: str) -> str:
    state = {"state": {"ab": {"state": {"description": name, "value": f"{name}={key}"}}}}
    return notebook(_code(), metadata={"widgets": {"application/vnd.jupyter.widget-state+json": state}})


def _format3(name: str, key: str) -> str:
    cell = {"cell_type": "code", "input": [f"{name} = '{key}'"], "outputs": [], "language": "python"}
    return json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [cell]}]})


NOTEBOOKS: dict[str, Callable[[str, str], str]] = {
    **{f"nb_{name}": (lambda n, k, make=make: notebook(make(n, k))) for name, make in CELLS.items()},
    "nb_metadata": lambda n, k: notebook(_code(), metadata={"note": {n: k}}),
    "nb_widget_state": _widget_state,
    "nb_format3": _format3,
}  # fmt: skip


def positives(seed: int) -> Iterator[Case]:
    """Every kind in every context, each with a key of its own."""
    draw = Draw(seed)
    kinds = [(kind, "LLM_API_KEY", make, True) for kind, make in PREFIXED.items()]
    kinds += [(kind, name, make, False) for kind, (name, make) in PLAIN.items()]
    for kind, name, make, prefixed in kinds:
        for context, (path, text) in TEXTS.items():
            key = make(draw)
            yield Case(kind, context, path, text(name, key), key, prefixed)
        for context, text in NOTEBOOKS.items():
            key = make(draw)
            yield Case(kind, context, "a.ipynb", text(name, key), key, prefixed)


def _png(draw: Draw, size: int = 3000) -> str:
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + draw.random.randbytes(size)).decode()


def _masked(draw: Draw) -> str:
    kind = draw.random.choice(list(PREFIXED))
    key = PREFIXED[kind](draw)
    head = (
        key[: next(i for i, c in enumerate(key) if c in "-_.") + 1]
        if any(c in "-_." for c in key)
        else key[:4]
    )
    return draw.random.choice(
        [head + "x" * 40, head + "*" * 32, head + "...", head + "your-key-here-0123456789", head + "…" + key[-4:],
         head + "<redacted>", head + "1234567890abcdef1234567890abcdef", head + "REPLACE_ME_WITH_YOUR_REAL_KEY_01",
         head + "XXXXXXXXXXXXXXXXXXXXXXXXXXXX", head + "EXAMPLEKEY" + "0" * 24, "key[:8] + '...'"]
    )  # fmt: skip


#: Texts that a scanner must pass over, one draw each.
NEGATIVES: dict[str, tuple[str, Callable[[Draw], str]]] = {
    "uuid": ("a.py", lambda d: f'request_id = "{uuid.UUID(int=d.random.getrandbits(128))}"'),
    "uuid_token": ("a.py", lambda d: f'api_token_id = "{uuid.UUID(int=d.random.getrandbits(128))}"'),
    "sha256": ("a.json", lambda d: f'{{"sha256": "{d(HEX, 64)}"}}'),
    "commit": ("a.md", lambda d: f"Fixed in {d(HEX, 40)} by hand."),
    "etag": ("a.log", lambda d: f'ETag: "{d(HEX, 32)}"'),
    "npm_lock": ("package-lock.json", lambda d: f'"integrity": "sha512-{base64.b64encode(d.random.randbytes(64)).decode()}",'),
    "pip_lock": ("requirements.lock", lambda d: f"httpx==0.28.1 \\\n    --hash=sha256:{d(HEX, 64)}"),
    "poetry_lock": ("poetry.lock", lambda d: f'content-hash = "{d(HEX, 64)}"\n'),
    "uv_lock": ("uv.lock", lambda d: f'sdist = {{ url = "https://files/{d(HEX, 2)}/{d(HEX, 60)}/a-1.tar.gz", hash = "sha256:{d(HEX, 64)}" }}'),
    "image_digest": ("a.yaml", lambda d: f"image: python@sha256:{d(HEX, 64)}"),
    "data_image": ("a.html", lambda d: f'<img src="data:image/png;base64,{_png(d)}">'),
    "nb_png": ("a.ipynb", lambda d: notebook(_shown("image/png", _png(d)))),
    "nb_html_png": ("a.ipynb", lambda d: notebook(_shown("text/html", f'<img src="data:image/png;base64,{_png(d)}"/>'))),
    "nb_attachment": ("a.ipynb", lambda d: notebook(
        {"cell_type": "markdown", "metadata": {}, "source": "", "attachments": {"a.png": {"image/png": _png(d)}}})),
    "nb_ids": ("a.ipynb", lambda d: notebook(_code(id=d(HEX, 8), metadata={"hash": d(HEX, 40)}))),
    "nb_widget": ("a.ipynb", lambda d: notebook(_shown("application/vnd.jupyter.widget-view+json", {"model_id": d(HEX, 32)}))),
    "wrapped_base64": ("a.txt", lambda d: base64.encodebytes(d.random.randbytes(600)).decode()),
    "font": ("a.css", lambda d: f"src: url(data:font/woff2;base64,{base64.b64encode(d.random.randbytes(900)).decode()})"),
    "base64_words": ("a.txt", lambda d: _b64("The quick brown fox jumps over the lazy dog, again and again")),
    "public_key": ("id.pub", lambda d: "ssh-ed25519 " + base64.b64encode(d.random.randbytes(51)).decode() + " luna@host"),
    "public_pem": ("pub.pem", lambda d: "-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(d.random.randbytes(270)).decode() + "-----END PUBLIC KEY-----"),
    "certificate": ("c.pem", lambda d: "-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(d.random.randbytes(700)).decode() + "-----END CERTIFICATE-----"),
    "bcrypt": ("a.sql", lambda d: f"password_hash = '$2b$12${d(B62, 53)}'"),
    "token_hash": ("a.py", lambda d: f'token_sha256 = "{d(HEX, 64)}"'),
    "key_id": ("a.json", lambda d: f'{{"api_key_id": "{d(LOW, 24)}", "key_name": "build"}}'),
    "cache_key": ("a.py", lambda d: f'cache_key = "{d(HEX, 32)}"'),
    "idempotency_key": ("a.py", lambda d: f'idempotency_key = "{d(HEX, 32)}"'),
    "primary_key": ("a.sql", lambda d: f"primary_key: {d(LOW, 26)}"),
    "page_token": ("a.json", lambda d: f'{{"next_page_token": "{d(URL, 60)}"}}'),
    "csrf": ("a.html", lambda d: f'<input name="csrf_token" value="{d(B62, 64)}">'),
    "trace": ("a.log", lambda d: f"traceparent: 00-{d(HEX, 32)}-{d(HEX, 16)}-01"),
    "nonce": ("a.html", lambda d: f'<script nonce="{d(B62, 32)}">'),
    "video_id": ("a.md", lambda d: f"https://drive.host/file/d/{d(URL, 33)}/view"),
    "placeholder": ("a.md", lambda d: f'LLM_API_KEY="{_masked(d)}"'),
    "placeholder_env": (".env.example", lambda d: f"LLM_API_KEY={_masked(d)}\n"),
    "nb_placeholder": ("a.ipynb", lambda d: notebook(_code(source=f'api_key = "{_masked(d)}"'))),
    "documented_aws": ("a.md", lambda d: "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE and wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    "environ": ("a.py", lambda d: f'api_key = os.environ["{d(LETTERS.upper(), 8)}_API_KEY_2"]'),
    "settings": ("a.py", lambda d: f"client(api_key=settings.{d(LETTERS, 6)}_api_key_v2, use_http2=True)"),
    "actions": ("a.yaml", lambda d: f"api_key: ${{{{ secrets.{d(LETTERS.upper(), 9)}_API_KEY_2 }}}}"),
    "vault_path": ("a.yaml", lambda d: f"api_key: prod/{d(LETTERS, 6)}/openai/api-key-2026"),
    "arn": ("a.tf", lambda d: f'secret = "arn:aws:secretsmanager:eu-west-1:{d("123456789", 12)}:secret:llm/key-{d(B62, 6)}"'),
    "call": ("a.py", lambda d: f"token = tokenizer_{d(LETTERS, 5)}.decode_2(ids[0:512])[0]"),
    "identifier": ("a.py", lambda d: f"def test_{'_'.join(d(LETTERS, 5) for _ in range(6))}_2(): pass"),
    "long_import": ("a.py", lambda d: f"from {'.'.join(d(LETTERS, 7) for _ in range(5))}_v2 import x"),
    "camel": ("A.java", lambda d: f'String password = "{"".join(d(LETTERS, 6).title() for _ in range(5))}";'),
    "passphrase": ("a.py", lambda d: f'password = "{"-".join(d(LETTERS, 6) for _ in range(4))}"'),
    "hub": ("a.py", lambda d: f"hf_hub_download_{d(LETTERS, 8)}_{d(LETTERS, 9)}_v2_model()"),
    "sk_word": ("a.css", lambda d: f".task-{d(LETTERS, 30)}20, .sk-{d(LETTERS, 9)}-{d(LETTERS, 12)}-{d(LETTERS, 12)} {{}}"),
    "xai_word": ("a.md", lambda d: f"xai-{d(LETTERS, 8)}-{d(LETTERS, 9)}-{d(LETTERS, 12)}-toolkit-2026"),
    "model": ("a.py", lambda d: f'model = "claude-{d(LETTERS, 6)}-4-5-202509{d("0123456789", 2)}-thinking-preview"'),
    "digits": ("a.csv", lambda d: f"account,{d('0123456789', 24)},secret,{d('0123456789', 30)}"),
    "dna": ("a.fa", lambda d: ">seq1\n" + d("ACGT", 200)),
    "hex_dump": ("a.txt", lambda d: " ".join(d(HEX, 8) for _ in range(16))),
    "minified": ("a.js", lambda d: f"!function(e,t){{var n=e.{d(B62, 3)};{d(LETTERS, 2)}.exports=n}}({d(LETTERS, 1)},{d('0123456789', 5)});"),
    "userinfo": ("a.yaml", lambda d: f"url: postgres://postgres:postgres@{d(LETTERS, 9)}:5432/app"),
    "userinfo_variable": ("a.yaml", lambda d: f"url: postgres://app:${{DB_PASSWORD_{d(LETTERS.upper(), 9)}_1}}@host/app"),
    "query_id": ("a.log", lambda d: f"GET /v1/items?cursor={d(URL, 60)}&limit=20"),
    "fingerprint": ("a.json", lambda d: f'{{"fingerprint": "hmac-sha256:k1:{d(HEX, 64)}", "kind": "groq"}}'),
    "response_id": ("a.jsonl", lambda d: json.dumps({"id": "chatcmpl-" + d(B62, 29), "request_id": "req_" + d(HEX, 32)})),
    "message_id": ("a.jsonl", lambda d: json.dumps({"id": "msg_01" + d(B62, 22), "tool": "toolu_01" + d(B62, 22)})),
    "signed_example": ("a.md", lambda d: ".".join(
        [_b64('{"alg":"HS256","typ":"JWT"}').rstrip("="), _b64('{"sub":"1234567890","name":"Luna"}').rstrip("="), d(URL, 43)])),
}  # fmt: skip


def negatives(seed: int, rounds: int = 12) -> Iterator[Case]:
    """Hard negatives: every kind several times, each with values of its own."""
    draw = Draw(seed)
    for _ in range(rounds):
        for name, (path, make) in NEGATIVES.items():
            yield Case(name, name, path, make(draw), "", prefixed=False)
