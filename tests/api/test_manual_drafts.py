"""What is said before a manual is read, and a plant's own words, by direct calls."""

from __future__ import annotations

import httpx
import pytest

from tests.api.library_client import DRAFTS, WORDS, a_machine, ended, send
from tests.manual_files import small_manual

pytestmark = pytest.mark.slow


async def test_what_will_happen_is_said_before(admin: httpx.AsyncClient) -> None:
    machine = a_machine()
    about = {"machine": machine, "type": "Betriebsanleitung", "language": "de"}

    async def effect(**more: str) -> str:
        answer = await admin.get("/api/admin/plan", params={**about, **more})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["effect"])

    assert await effect(revision="B") == "alone"
    draft = await send(admin, small_manual(machine, "B", "Die Mutter wird mit 9 Nm angezogen."))
    assert (draft["look"]["revision"], draft["look"]["type"]) == ("B", "Betriebsanleitung")
    [listed] = (await admin.get(DRAFTS)).json()["drafts"]
    assert (listed["id"], listed["minutes_left"] > 50) == (draft["id"], True)
    wrong = await admin.post(f"{DRAFTS}/{draft['id']}", json={"valid_from": "2026-02-31"})
    assert wrong.status_code == 422
    answer = await admin.post(f"{DRAFTS}/{draft['id']}", json={**about, "revision": "B"})
    job = await ended(admin, answer.json()["job"]["id"])
    assert await effect(revision="A") == "older"
    assert await effect(revision="A", replaces="yes") == "replaces"
    assert await effect(revision="C") == "replaces"
    assert await effect(revision="C", valid_from="2999-01-01") == "later"
    assert await effect(revision="B") == "beside"
    assert await effect(revision="B", manual_id=job["manual_id"]) == "alone"


async def test_a_plants_words_are_taken_whole_or_not_at_all(admin: httpx.AsyncClient) -> None:
    before = (await admin.get(WORDS)).json()
    bad = await admin.post(WORDS, content=b"id;de;en\na;b\nc;d;e\nf;g;\n")
    assert (bad.status_code, len(bad.json()["errors"])) == (422, 2)
    assert (await admin.get(WORDS)).json() == before
    content = "id;de;en\nquirl;Quirl|Rührwerk;agitator\n".encode()
    for _ in range(2):
        taken = await admin.post(WORDS, params={"file_name": "w.csv"}, content=content)
        assert taken.status_code == 201
    newest, older = taken.json()["versions"][:2]
    assert (newest["in_use"], older["in_use"], newest["names"]) == (True, False, 3)
    assert newest["uploaded_by"] == "admin"
    file = await admin.get(f"{WORDS}/{newest['version']}/file")
    assert file.content.removeprefix("\ufeff".encode()) == content
    back = await admin.post(f"{WORDS}/{older['version']}/use")
    assert [one["in_use"] for one in back.json()["versions"][:2]] == [False, True]
    assert (await admin.post(f"{WORDS}/999/use")).status_code == 404
    none = (await admin.post(f"{WORDS}/0/use")).json()["versions"]
    assert not any(one["in_use"] for one in none)
    built_in = await admin.get(f"{WORDS}/0/file")
    assert "torque;" in built_in.text
