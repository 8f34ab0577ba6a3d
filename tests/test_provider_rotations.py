"""The rotation service: its own count of effects is the truth."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from practice_case import bearer

from labkit.lab.provider import Provider, practice

KEY = "create_rotation_job:acct_10234:P-7:v1"
ORDER = {"account_id": "acct_10234", "policy_line_id": "P-7"}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with practice() as provider:
        yield provider


def create(provider: Provider, key: str | None = KEY, **changes: Any) -> httpx.Response:
    """Ask for one rotation job."""
    headers = bearer(provider) | ({"idempotency-key": key} if key else {})
    return httpx.post(f"{provider.base_url}/rotations", headers=headers, json=ORDER | changes, timeout=5)


def job_ids(provider: Provider) -> list[str]:
    """The jobs that really exist."""
    return [effect.job_id for effect in provider.rotations.effects]


def test_one_key_is_one_effect(provider: Provider) -> None:
    """A repeat with the same key gets the stored answer and changes nothing."""
    first, second = create(provider), create(provider)
    assert first.json() == second.json()
    assert first.json()["job_id"] == "job_acct_10234_001"
    assert (first.headers.get("idempotent-replayed"), second.headers["idempotent-replayed"]) == (None, "true")
    assert job_ids(provider) == ["job_acct_10234_001"]


def test_jobs_count_per_account(provider: Provider) -> None:
    """Each account has its own numbers."""
    create(provider, "a")
    create(provider, "b", account_id="acct_20000")
    create(provider, "c")
    assert job_ids(provider) == ["job_acct_10234_001", "job_acct_20000_001", "job_acct_10234_002"]


def test_a_lost_response_is_not_a_lost_effect(provider: Provider) -> None:
    """The response is lost after the effect; the retry gets the answer, and one job exists."""
    provider.script(["lost_response"], on="rotations")
    with pytest.raises(httpx.ReadError):
        create(provider)
    assert create(provider).json()["job_id"] == "job_acct_10234_001"
    assert len(job_ids(provider)) == 1


def test_a_lost_request_is_a_lost_effect(provider: Provider) -> None:
    """To the client it looks the same, yet nothing was done; the key is still free."""
    provider.script(["lost_request"], on="rotations")
    with pytest.raises(httpx.ReadError):
        create(provider)
    assert job_ids(provider) == []
    assert create(provider).status_code == 201


@pytest.mark.parametrize(
    ("key", "changes", "status", "code"),
    [
        (None, {}, 400, "idempotency_key_missing"),
        (KEY, {"policy_line_id": "P-8"}, 422, "idempotency_key_reused"),
        ("other", {"account_id": "acct 1"}, 400, "invalid_value"),
        ("other", {"approved": True}, 400, "unknown_parameter"),
    ],
)
def test_refusals(
    provider: Provider, key: str | None, changes: dict[str, Any], status: int, code: str
) -> None:
    """A missing key, a key with another payload and a bad payload are refused without an effect."""
    create(provider)
    reply = create(provider, key, **changes)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert len(job_ids(provider)) == 1


def test_a_key_in_progress(provider: Provider) -> None:
    """While the first request runs, the same key is a 409; afterwards it is a replay."""
    provider.script(["slow_effect:1.5"], on="rotations")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(create, provider)
        while not provider.count:
            time.sleep(0.002)
        assert create(provider).json()["error"]["code"] == "request_in_progress"
        assert first.result().status_code == 201
    assert create(provider).headers["idempotent-replayed"] == "true"


def test_an_effect_that_comes_late() -> None:
    """After a 503 the job turns up anyway, later; under its key it stays one job."""
    now = [1000.0]
    with practice(script=(), clock=lambda: now[0]) as provider:
        provider.script(["apply_late:30"], on="rotations")
        assert create(provider).status_code == 503
        assert job_ids(provider) == []
        assert create(provider).status_code == 409
        now[0] += 31
        assert job_ids(provider) == ["job_acct_10234_001"]
        assert create(provider).headers["idempotent-replayed"] == "true"
        assert len(job_ids(provider)) == 1


def test_without_keys_every_request_acts(provider: Provider) -> None:
    """A service that does not honour keys acts each time, and its count says so."""
    provider.rotations.honours_keys = False
    assert [create(provider, key).json()["job_id"] for key in (KEY, KEY, None)] == [
        "job_acct_10234_001",
        "job_acct_10234_002",
        "job_acct_10234_003",
    ]


def test_an_effect_that_happens_twice(provider: Provider) -> None:
    """Some services act twice on one request; only their own list tells."""
    provider.script(["twice"], on="rotations")
    assert create(provider).json()["job_id"] == "job_acct_10234_002"
    listed = httpx.get(f"{provider.base_url}/rotations", headers=bearer(provider)).json()
    assert listed["count"] == 2


def test_an_answer_sent_twice(provider: Provider) -> None:
    """A second copy stands on the connection, where a careless client takes it for its next answer."""
    provider.script(["answer_twice"], on="rotations")
    body = json.dumps(ORDER).encode()
    head = f"POST /rotations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {provider.key}\r\n"
    raw = f"{head}idempotency-key: {KEY}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    got = b""
    with socket.create_connection(("127.0.0.1", int(provider.base_url.rpartition(":")[2])), 5) as sock:
        sock.sendall(raw)
        while got.count(b"job_acct_10234_001") < 2:
            got += sock.recv(65536)
    assert got.count(b"HTTP/1.1 201 ") == 2
    assert len(job_ids(provider)) == 1


def test_looking_up_what_happened(provider: Provider) -> None:
    """Jobs can be found by account, by key and by id: what reconciling needs."""
    create(provider)
    create(provider, "b", account_id="acct_20000")
    base = f"{provider.base_url}/rotations"
    found = httpx.get(base, params={"idempotency_key": KEY}, headers=bearer(provider)).json()
    assert [job["job_id"] for job in found["data"]] == ["job_acct_10234_001"]
    assert (
        httpx.get(f"{base}/job_acct_20000_001", headers=bearer(provider)).json()["account_id"] == "acct_20000"
    )
    assert httpx.get(f"{base}/job_none", headers=bearer(provider)).status_code == 404


def test_sixteen_at_once_are_one_effect(provider: Provider) -> None:
    """Sixteen clients with one key: one job, and everyone is told it or told to wait."""
    ready = threading.Barrier(16)

    def one(_: int) -> int:
        ready.wait()
        return create(provider).status_code

    with ThreadPoolExecutor(16) as pool:
        codes = set(pool.map(one, range(16)))
    assert len(job_ids(provider)) == 1
    assert codes <= {201, 409}


def test_keys_can_be_switched_off_over_http(provider: Provider) -> None:
    """The control endpoint sets the promise, and tells the effects."""
    url = f"{provider.base_url}/_lab/rotations"
    assert httpx.post(url, json={"honours_keys": False}).json() == {"honours_keys": False, "effects": []}
    create(provider, None)
    assert len(httpx.post(url).json()["effects"]) == 1
