"""Keys for scripts by direct calls: admins make and revoke them, nobody else does."""

from __future__ import annotations

import httpx
import pytest

from tests.api.library_client import log_in
from tests.served import Service

pytestmark = pytest.mark.slow
KEYS = "/api/admin/keys"
WANTED = {"name": "Leitstand", "scopes": ["ask"], "days": 30}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", KEYS), ("POST", KEYS), ("POST", f"{KEYS}/0/revoke")]
)
async def test_only_admins(
    service: Service, http: httpx.AsyncClient, method: str, path: str
) -> None:
    body = WANTED if method == "POST" else None
    assert (await http.request(method, path, json=body)).status_code == 401
    for name in ("technician", "qa"):
        await log_in(http, service, name)
        assert (await http.request(method, path, json=body)).status_code == 403
    await log_in(http, service, "admin")
    if method == "POST":  # from a page of ours only
        del http.headers["Origin"]
        assert (await http.request(method, path, json=body)).status_code == 403


async def test_the_key_itself_is_told_once(service: Service, http: httpx.AsyncClient) -> None:
    await log_in(http, service, "admin")
    made = await http.post(KEYS, json=WANTED)
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    key, token = made.json()["key"], made.json()["token"]
    assert (key["state"], key["created_by"], key["last_used_at"]) == ("active", "admin", None)
    mine = {"X-API-Key": token}
    assert (await http.get("/api/v1/manuals", headers=mine)).status_code == 200
    listed = await http.get(KEYS)
    assert token.rpartition("_")[2] not in listed.text
    row = next(one for one in listed.json()["keys"] if one["id"] == key["id"])
    assert row["last_used_at"] is not None
    revoked = await http.post(f"{KEYS}/{key['id']}/revoke")
    assert revoked.json()["key"]["state"] == "revoked"
    assert (await http.get("/api/v1/manuals", headers=mine)).status_code == 401


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": " "}, 409),
        ({"scopes": []}, 409),
        ({"scopes": ["everything"]}, 422),
        ({"days": 0}, 409),
        ({"role": "admin"}, 422),
    ],
)
async def test_what_no_key_can_be(
    service: Service, http: httpx.AsyncClient, change: dict[str, object], status: int
) -> None:
    await log_in(http, service, "admin")
    answer = await http.post(KEYS, json={**WANTED, **change})
    assert answer.status_code == status
    assert (await http.post(f"{KEYS}/nothing/revoke")).status_code == 404
