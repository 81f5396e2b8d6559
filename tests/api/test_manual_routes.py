"""The admins' library by direct calls: what it does for admins, and for nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from evals.chat_client import ChatClient
from tests.api.library_client import (
    DRAFTS,
    JOBS,
    MANUALS,
    WORDS,
    a_machine,
    log_in,
    manuals,
    upload,
)
from tests.manual_files import small_manual
from tests.served import Service

pytestmark = pytest.mark.slow
NO_ID = "00000000-0000-0000-0000-000000000000"
CALLS = [
    ("GET", MANUALS),
    ("POST", f"{MANUALS}/{{id}}/release"),
    ("POST", f"{MANUALS}/{{id}}/activate"),
    ("POST", f"{MANUALS}/{{id}}/disable"),
    ("POST", f"{MANUALS}/{{id}}/enable"),
    ("POST", f"{MANUALS}/{{id}}/roll_back"),
    ("PATCH", f"{MANUALS}/{{id}}"),
    ("DELETE", f"{MANUALS}/{{id}}"),
    ("GET", f"{MANUALS}/{{id}}/pages/1"),
    ("GET", JOBS),
    ("POST", f"{JOBS}/{NO_ID}/cancel"),
    ("POST", f"{JOBS}/{NO_ID}/retry"),
    ("DELETE", f"{JOBS}/{NO_ID}"),
    ("GET", DRAFTS),
    ("POST", DRAFTS),
    ("POST", f"{DRAFTS}/{NO_ID}"),
    ("DELETE", f"{DRAFTS}/{NO_ID}"),
    ("GET", "/api/admin/plan"),
    ("GET", WORDS),
    ("POST", WORDS),
    ("POST", f"{WORDS}/0/use"),
    ("GET", f"{WORDS}/0/file"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_only_admins_may_call(
    method: str, path: str, service: Service, http: httpx.AsyncClient
) -> None:
    await log_in(http, service, "admin")
    before = await manuals(http)
    path = path.format(id=before[0]["id"])
    body = {"title": "Forged"} if method == "PATCH" or path.startswith(f"{DRAFTS}/") else None
    http.cookies.clear()
    assert (await http.request(method, path, json=body)).status_code == 401
    for name, language, words in (("technician", "de", "Rolle"), ("qa", "en", "role")):
        await log_in(http, service, name)
        headers = {"Accept-Language": language}
        answer = await http.request(method, path, json=body, headers=headers)
        assert answer.status_code == 403
        assert words in answer.json()["detail"]
    await log_in(http, service, "admin")
    assert await manuals(http) == before


async def test_the_command_of_a_technician_is_refused(service: Service) -> None:
    for name, seen in (
        ("technician", ["Failed"]),
        ("admin", ["ManualUpload", "Manuals", "ManualWords"]),
    ):
        elements: list[dict[str, Any]] = []
        async with ChatClient(service.address, name, service.passwords[name]) as client:
            client._socket.on("element", elements.append)
            await client._send({"output": "", "command": "Handbücher"}, 30)
        assert [one["name"] for one in elements] == seen


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_a_change_must_come_from_our_own_page(
    method: str, service: Service, admin: httpx.AsyncClient
) -> None:
    path = f"{MANUALS}/{(await manuals(admin))[0]['id']}"
    path += "/disable" if method == "POST" else ""
    body = {"title": "Forged"} if method == "PATCH" else None
    foreign = await admin.request(
        method, path, json=body, headers={"Origin": "https://elsewhere.example"}
    )
    assert foreign.status_code == 403
    del admin.headers["Origin"]
    assert (await admin.request(method, path, json=body)).status_code == 403
    admin.headers["Origin"] = service.address


async def test_a_manual_from_upload_to_deletion(admin: httpx.AsyncClient) -> None:
    machine = a_machine()
    fields = {"machine": machine, "type": "Betriebsanleitung"}
    first = await upload(
        admin,
        small_manual(machine, "1", "Die Schraube wird mit 20 Nm angezogen."),
        **fields,
        revision="1",
        valid_from="2026-01-31",
        file_name="../../etc/K\x07ran <1>.pdf",
    )
    assert first["status"] == "active"
    assert first["file_name"] == "K ran 1.pdf"
    assert (first["machine"], first["valid_from"]) == (machine, "2026-01-31")
    assert first["uploaded_by"] == "admin"

    content = small_manual(machine, "2", "Die Schraube wird mit 25 Nm angezogen.")
    second = await upload(admin, content, **fields, revision="2")
    again = await admin.post(DRAFTS, params={"file_name": "again.pdf"}, content=content)
    assert (again.status_code, second["title"] in again.json()["detail"]) == (422, True)
    done = next(one for one in (await admin.get(JOBS)).json()["jobs"])
    job = f"{JOBS}/{done['id']}"
    assert (await admin.post(f"{job}/retry")).status_code == 409
    assert (await admin.post(f"{job}/explode")).status_code == 404
    assert (await admin.delete(job)).status_code == 200
    assert (await admin.post(f"{job}/cancel")).status_code == 404

    async def status(manual: dict[str, Any]) -> str:
        return next(str(one["status"]) for one in await manuals(admin) if one["id"] == manual["id"])

    async def change(manual: dict[str, Any], name: str) -> int:
        return (await admin.post(f"{MANUALS}/{manual['id']}/{name}")).status_code

    assert (await status(first), await status(second)) == ("superseded", "active")
    assert await change(first, "roll_back") == 200
    assert (await status(first), await status(second)) == ("active", "superseded")
    assert await change(first, "disable") == 200
    assert await change(first, "disable") == 409
    assert await change(first, "enable") == 200
    assert await change(first, "explode") == 404
    assert (await admin.delete(f"{MANUALS}/{second['id']}")).status_code == 200
    assert (await admin.delete(f"{MANUALS}/{second['id']}")).status_code == 404
    assert [one["id"] for one in await manuals(admin) if one["machine"] == machine] == [first["id"]]


async def test_an_unread_page_waits_for_its_release(admin: httpx.AsyncClient) -> None:
    machine = a_machine()
    content = small_manual(machine, "1", "Unlesbar.", unreadable_page=True)
    manual = await upload(admin, content, machine=machine)
    assert manual["status"] == "needs_release"
    assert manual["quality"]["unread_pages"] == [2]
    page = (await admin.get(f"{MANUALS}/{manual['id']}/pages/2")).json()
    assert (page["source"], page["text"], page["passages"]) == ("unread", "", [])
    released = await admin.post(f"{MANUALS}/{manual['id']}/release")
    assert released.json()["manual"]["status"] == "active"


async def test_a_page_is_shown_as_it_was_understood(admin: httpx.AsyncClient) -> None:
    listed = await manuals(admin)
    press = next(one for one in listed if "HP 160" in one["title"])
    page = (await admin.get(f"{MANUALS}/{press['id']}/pages/12")).json()
    assert page["index"] == 12
    assert page["tables"][0]["header"]
    assert {one["kind"] for one in page["passages"]} >= {"notice", "table"}
    boxes = [box for one in page["passages"] for box in one["boxes"]]
    assert boxes
    assert all(box["page"] == 12 and 0 <= box["x0"] < box["x1"] <= 1 for box in boxes)
    assert (await admin.get(f"{MANUALS}/{press['id']}/pages/999")).status_code == 404
    assert (await admin.get(f"{MANUALS}/{NO_ID}/pages/1")).status_code == 404


async def test_corrected_details_are_kept(admin: httpx.AsyncClient) -> None:
    machine = a_machine()
    manual = await upload(
        admin, small_manual(machine, "1", "Text der Anleitung."), machine="Falsch"
    )
    path = f"{MANUALS}/{manual['id']}"
    wanted = {"title": "  Neuer\n Titel ", "machine": machine, "valid_from": ""}
    changed = (await admin.patch(path, json=wanted)).json()["manual"]
    assert (changed["title"], changed["machine"]) == ("Neuer Titel", machine)
    assert changed["revision"] == manual["revision"]
    assert (await admin.patch(path, json={"title": ""})).status_code == 409
    assert (await admin.patch(path, json={"title": "\x00 "})).status_code == 409
    assert (await admin.patch(path, json={"status": "active"})).status_code == 422


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 422, "leer"),
        (b"This is a text, whatever its name says.", 422, "kein PDF"),
        (b"%PDF-1.7" + b"x" * (2 * 1024 * 1024), 413, "größer als 2 MB"),
        (b"%PDF-1.7" + b"x" * (3 * 1024 * 1024), 413, "größer als 2 MB"),
    ],
)
async def test_bad_files_are_refused_and_leave_nothing(
    content: bytes, status: int, words: str, service: Service, admin: httpx.AsyncClient
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 64 * 1024):
            yield content[start : start + 64 * 1024]

    def kept() -> set[str]:
        folders = (service.data_dir / "uploads", service.data_dir / "drafts")
        return {path.name for folder in folders for path in folder.iterdir()}

    before = kept()
    for body in (content, pieces()):
        headers = {"Accept-Language": "de"}
        answer = await admin.post(
            DRAFTS, params={"file_name": "a.pdf"}, content=body, headers=headers
        )
        assert answer.status_code == status
        assert words in answer.json()["detail"]
    assert kept() == before
