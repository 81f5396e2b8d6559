"""Archives by themselves: what is in them, what is refused, and the way back."""

from __future__ import annotations

import io
import os
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from rag.backup.__main__ import main
from rag.backup.archive import BackupError
from rag.backup.create import create
from rag.backup.restore import UNFINISHED, restore, verify
from rag.settings import Settings
from rag.start import CannotStart, _claim
from rag.store.database import open_database
from rag.store.folder_lock import take_lock
from rag.store.library import Library
from rag.types import Manual
from tests.store.samples import make_chunks, make_manual, make_pages


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def original(settings: Settings) -> Settings:
    """Two manuals with their files, a conversation's file, an upload that waits, and a secret."""
    engine = open_database(settings)
    library = Library(engine)
    for name in ("A", "B"):
        add(library, make_manual(name, machine=name))
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO jobs VALUES ('j', 'elsewhere/uploads/j.pdf', '{}', 'queued', 'queued',"
                " 0, 0, 0, 0, NULL, NULL, '{}', '', '', '', 0)"
            )
        )
        connection.execute(
            text("INSERT INTO elements (id, name, \"objectKey\") VALUES ('e', 'page', 't/e')")
        )
    engine.dispose()
    for name in (
        "uploads/j.pdf",
        "uploads/old.pdf.part",
        "elements/t/e",
        "cache/pages/x",
        "index/y",
    ):
        path = settings.data_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (settings.data_dir / "auth_secret").write_text("s" * 64)
    return settings


def add(library: Library, manual: Manual) -> None:
    library.add(manual, make_pages(manual), make_chunks(manual))
    library.folder.mkdir(exist_ok=True)
    library.file_path(manual).write_bytes(manual.title.encode())
    library.publish(manual.id)


def names(archive: Path) -> set[str]:
    with tarfile.open(archive) as tar:
        return set(tar.getnames())


@pytest.mark.parametrize("suffix", ["tar.gz", "tar"])
def test_there_and_back(original: Settings, tmp_path: Path, suffix: str) -> None:
    archive = tmp_path / f"kept.{suffix}"
    lock = take_lock(original.data_dir)  # as a running server does
    made = create(original, str(archive))
    os.close(lock)
    assert archive.stat().st_mode & 0o777 == 0o600
    assert made.counts["manuals"] == 2
    manuals = [f"manuals/{manual.id}.pdf" for manual in (make_manual("A"), make_manual("B"))]
    kept = {"millwright.db", "auth_secret", "elements/t/e", "uploads/j.pdf", "manifest.json"}
    assert names(archive) == {*kept, *manuals}
    assert verify(archive) == made

    new = Settings(data_dir=tmp_path / "new machine" / "data")
    assert restore(new, archive) == made
    for name in made.files:
        if name != "millwright.db":
            assert (new.data_dir / name).read_bytes() == (original.data_dir / name).read_bytes()
    assert (new.data_dir / "auth_secret").stat().st_mode & 0o777 == 0o600
    before, after = (Library(open_database(one)) for one in (original, new))
    assert after.manuals() == before.manuals()
    for manual in before.manuals():
        assert after.chunks_of(manual.id) == before.chunks_of(manual.id)
        assert after.pages(manual.id) == before.pages(manual.id)
    assert after.corpus_version() == before.corpus_version()


def test_only_into_an_empty_folder(original: Settings, tmp_path: Path) -> None:
    archive = tmp_path / "kept.tar.gz"
    create(original, str(archive))
    with pytest.raises(BackupError, match=r"backup\.not_empty"):
        restore(original, archive)
    assert len(Library(open_database(original)).manuals()) == 2


def test_what_was_cut_off_or_changed_is_noticed_and_leaves_nothing(
    original: Settings, tmp_path: Path
) -> None:
    whole = tmp_path / "kept.tar"
    create(original, str(whole))
    content = whole.read_bytes()
    at = content.index(b"elements/t/e", content.index(b"elements/t/e") + 100)
    changed = content[:at] + b"E" + content[at + 1 :]
    for broken in (content[: len(content) // 2], changed, b"no archive", b""):
        (tmp_path / "broken.tar").write_bytes(broken)
        with pytest.raises(BackupError, match=r"backup\.damaged"):
            verify(tmp_path / "broken.tar")
        new = Settings(data_dir=tmp_path / "new")
        with pytest.raises(BackupError, match=r"backup\.damaged"):
            restore(new, tmp_path / "broken.tar")
        assert {path.name for path in new.data_dir.iterdir()} == {"lock"}


@pytest.mark.parametrize("name", ["../outside", "/outside", "link"])
def test_no_way_out_of_the_folder(original: Settings, tmp_path: Path, name: str) -> None:
    archive = tmp_path / "kept.tar"
    create(original, str(archive))
    member = tarfile.TarInfo(name)
    if name == "link":
        member.type, member.linkname = tarfile.SYMTYPE, "/etc"
    with tarfile.open(archive, "a") as tar:
        tar.addfile(member, io.BytesIO())
    with pytest.raises(BackupError, match="unexpected member"):
        restore(Settings(data_dir=tmp_path / "new"), archive)


def test_an_older_version_does_not_take_a_newer_archive(original: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(original.data_dir / "millwright.db")) as connection, connection:
        connection.execute("INSERT INTO state VALUES ('migration.9999_later', '')")
    create(original, str(tmp_path / "kept.tar"))
    with pytest.raises(BackupError, match="9999_later"):
        restore(Settings(data_dir=tmp_path / "new"), tmp_path / "kept.tar")


def test_a_start_does_not_go_on_with_half_a_restore_but_another_restore_does(
    original: Settings, tmp_path: Path
) -> None:
    create(original, str(tmp_path / "kept.tar"))
    new = Settings(data_dir=tmp_path / "new")
    (new.data_dir / UNFINISHED / "manuals").mkdir(parents=True)
    with pytest.raises(CannotStart, match="was not finished"):
        _claim(new, "en")
    # A refused start ends, and its lock with it; here the lock is this process's own.
    (new.data_dir / "lock").unlink()
    restore(new, tmp_path / "kept.tar")
    assert len(Library(open_database(new)).manuals()) == 2


def test_a_file_that_the_original_has_lost_is_named(original: Settings, tmp_path: Path) -> None:
    (original.data_dir / "elements/t/e").unlink()
    made = create(original, str(tmp_path / "kept.tar"))
    assert made.missing == ["elements/t/e"]
    assert verify(tmp_path / "kept.tar") == made


def test_mlflow_finds_its_files_in_the_new_folder(original: Settings, tmp_path: Path) -> None:
    old = original.data_dir.resolve().as_uri()
    with closing(sqlite3.connect(original.data_dir / "mlflow.db")) as connection, connection:
        connection.execute("CREATE TABLE experiments (artifact_location TEXT)")
        connection.execute("CREATE TABLE runs (artifact_uri TEXT)")
        connection.execute("CREATE TABLE trace_tags (value TEXT)")
        places = [(f"{old}/mlartifacts",), (f"{old}-other/mlartifacts",), ("s3://bucket",)]
        connection.executemany("INSERT INTO experiments VALUES (?)", places)
    create(original, str(tmp_path / "kept.tar"))
    new = Settings(data_dir=tmp_path / "new")
    restore(new, tmp_path / "kept.tar")
    with closing(sqlite3.connect(new.data_dir / "mlflow.db")) as connection:
        found = [place for (place,) in connection.execute("SELECT * FROM experiments")]
    assert found == [
        f"{new.data_dir.resolve().as_uri()}/mlartifacts",
        f"{old}-other/mlartifacts",
        "s3://bucket",
    ]


def test_refusals_are_sentences(
    original: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["rag.backup", *arguments])
        assert main() == 1
        return capsys.readouterr().err

    assert "a backup's name ends in" in run("create", str(tmp_path / "kept.zip")).lower()
    assert "must not lie in" in run("create", str(original.data_dir / "kept.tar"))
    (tmp_path / "there.tar").touch()
    assert "never overwritten" in run("create", str(tmp_path / "there.tar"))
    assert "cannot be written" in run("create", str(tmp_path / "no folder" / "kept.tar"))
    assert "not to be trusted" in run("verify", str(tmp_path / "nothing.tar"))
    assert "is not empty" in run("restore", str(tmp_path / "there.tar"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "empty"))
    assert "nothing to save" in run("create", str(tmp_path / "kept.tar"))
