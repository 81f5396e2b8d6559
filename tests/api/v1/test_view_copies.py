"""A manual that is no PDF, by its routes: shown as a PDF, saved as what it was."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from rag.ingest.manual import ingest_manual
from rag.types import ManualMetadata
from tests.api.v1.conftest import InProcess

pytestmark = pytest.mark.slow
HTML = (
    "<html><body><script>alert(1)</script><h1>Pumpe P 12</h1>"
    "<p>Der Druck ist 5 bar.</p></body></html>"
)


async def quietly(stage: str, done: int, total: int) -> None:
    """Nobody watches."""


async def test_a_web_page_is_never_served_as_one(
    in_process: InProcess, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    path = tmp_path / "Pumpe.html"
    path.write_text(HTML, "utf-8")
    services = in_process.door.services
    manual = await ingest_manual(path, ManualMetadata(), quietly, services=services)
    shown = await http.get(f"/api/v1/manuals/{manual.id}/file")
    assert shown.content.startswith(b"%PDF-")
    assert shown.headers["content-type"] == "application/pdf"
    assert 'filename="Pumpe.pdf"' in shown.headers["content-disposition"]
    saved = await http.get(f"/api/v1/manuals/{manual.id}/file?original=true")
    assert saved.text == HTML
    assert saved.headers["content-type"] == "application/octet-stream"
    assert saved.headers["content-disposition"] == 'attachment; filename="Pumpe.html"'
    picture = await http.get(f"/api/v1/pages/{manual.id}/1?width=400")
    assert picture.headers["content-type"] == "image/jpeg"
