"""Room on the disk: asked before a manual is taken in."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import StoreDown
from rag.messages import say
from rag.settings import Settings
from rag.store.disk import MEGABYTE, free_mb, require_room


def test_a_disk_with_room_lets_files_in(tmp_path: Path) -> None:
    require_room(Settings(data_dir=tmp_path, min_free_mb=0), MEGABYTE)


def test_a_nearly_full_disk_refuses_with_both_sizes(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "not yet", min_free_mb=free_mb(Settings()) * 10)

    with pytest.raises(StoreDown) as refused:
        require_room(settings, 0)

    assert refused.value.key == "error.disk_nearly_full"
    assert refused.value.retryable
    assert refused.value.values["needed"] in say(refused.value.key, "de", **refused.value.values)


def test_a_file_counts_with_what_becomes_of_it(tmp_path: Path) -> None:
    free = free_mb(Settings(data_dir=tmp_path))
    settings = Settings(data_dir=tmp_path, min_free_mb=0)

    require_room(settings, free // 8 * MEGABYTE)
    with pytest.raises(StoreDown):
        require_room(settings, free // 2 * MEGABYTE)
