"""A library of any folder of PDFs, for measuring; read once, kept by content."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rag.errors import BadFile
from rag.flights import Flights
from rag.ingest.manual import ingest_manual
from rag.models.embedder import load_embedder
from rag.models.reranker import load_reranker
from rag.retrieve.glossary import Glossary, load_glossary
from rag.retrieve.keywords import KeywordIndex
from rag.settings import Settings
from rag.store.database import open_database
from rag.store.library import Library
from rag.store.lru import ByteCache
from rag.store.vectors import open_vectors
from rag.types import ManualMetadata, ManualStatus

SAMPLES = Path(__file__).parent / "samples"
GOLD = Path(__file__).parent / "gold" / "questions.jsonl"
_REFUSED = "refused.json"


@dataclass
class Bench:
    """The services that finding and answering need, on a library of its own in a temporary
    folder, which ``close`` removes."""

    settings: Settings
    library: Library
    keywords: KeywordIndex
    glossary: Glossary
    embedder: Any
    vectors: Any
    reranker: Any
    llm: Any = None
    # Experiments change what a kept answer would hide.
    cache: ByteCache = field(default_factory=lambda: ByteCache(0, ttl_s=0))
    flights: Flights = field(default_factory=Flights)
    refused: dict[str, str] = field(default_factory=dict)

    def close(self) -> None:
        if self.vectors is not None:
            self.vectors.close()
        shutil.rmtree(self.settings.data_dir, ignore_errors=True)


def pdfs(folder: Path) -> list[Path]:
    """Every PDF of ``folder``, whatever its name's spelling, sorted."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".pdf")


def content_key(paths: Iterable[Path], embedder: Any) -> str:
    """Changes with the files' contents, the embedding model and the code that reads and stores."""
    digest = hashlib.sha256((embedder.fingerprint if embedder else "").encode())
    code = Path(__file__).parent.parent / "rag"
    for path in [
        *paths,
        *sorted((code / "ingest").glob("*.py")),
        *sorted((code / "store").rglob("*.[ps][yq]*")),
        code / "codes.py",
    ]:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where read libraries are kept between runs: MILLWRIGHT_EVALS_CACHE, or the user's cache."""
    chosen = os.environ.get("MILLWRIGHT_EVALS_CACHE")
    if chosen:
        return Path(chosen)
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "millwright-evals"


def build_library(manuals_dir: Path, work_dir: Path | None = None, **settings: Any) -> Bench:
    """Ingest every PDF of ``manuals_dir`` into a library of its own, in a temporary folder.

    What was read is kept in ``work_dir`` by content and copied from there the next time, so that
    several runs may go on at once. Files that cannot become a manual are named in ``refused``
    with the reason's key; the others are released even when they were read badly.
    """
    paths = pdfs(manuals_dir)
    folder = Path(tempfile.mkdtemp(prefix="millwright-evals-"))
    chosen = Settings(data_dir=folder, **{"tracing": False, "max_upload_mb": 2000, **settings})
    embedder = load_embedder(chosen)
    kept = (work_dir or cache_folder()) / content_key(paths, embedder)
    if kept.exists():
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        bench = _open(chosen, embedder)
        bench.refused = json.loads((folder / _REFUSED).read_text(encoding="utf-8"))
        return bench
    bench = _open(chosen, embedder)
    asyncio.run(_ingest_all(paths, bench))
    (folder / _REFUSED).write_text(json.dumps(bench.refused), encoding="utf-8")
    bench.vectors.close()
    _keep(folder, kept)
    return replace(_open(chosen, embedder), refused=bench.refused)


def _keep(folder: Path, kept: Path) -> None:
    """Copy beside the final place, then rename: nobody ever sees half of it."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix="copying-", dir=kept.parent))
    shutil.copytree(folder, beside, dirs_exist_ok=True)
    try:
        beside.rename(kept)
    except OSError:  # another run was quicker
        shutil.rmtree(beside)


def _open(settings: Settings, embedder: Any) -> Bench:
    library = Library(open_database(settings))
    vectors = open_vectors(settings, embedder)
    glossary = load_glossary()
    keywords = KeywordIndex(library, settings=settings, glossary=glossary, vectors=vectors)
    reranker = load_reranker(settings)
    return Bench(settings, library, keywords, glossary, embedder, vectors, reranker)


async def _ingest_all(paths: list[Path], bench: Bench) -> None:
    async def quiet(stage: str, done: int, total: int) -> None:
        """Nobody watches."""

    for path in paths:
        try:
            manual = await ingest_manual(
                path, ManualMetadata(file_name=path.name), quiet, services=bench
            )
        except BadFile as error:
            bench.refused[path.name] = error.key
            continue
        if manual.status is ManualStatus.NEEDS_RELEASE:
            bench.library.release(manual.id)
