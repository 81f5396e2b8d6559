"""What a start beyond this machine refuses, and secrets that stand in files."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from rag.access.strength import weaknesses
from rag.settings import Settings
from rag.start import CannotStart, _refuse_carelessness, _settings

STRONG = secrets.token_hex(32)


@pytest.mark.parametrize(
    ("host", "settings", "keys"),
    [
        ("127.0.0.1", {}, []),
        ("::1", {"auth_secret": STRONG}, []),
        ("localhost", {"metrics_networks": "0.0.0.0/0"}, []),
        ("0.0.0.0", {"trusted_proxies": "10.0.0.1/32"}, []),
        ("0.0.0.0", {}, ["start.without_tls"]),
        ("plant.example", {"auth_secret": STRONG}, ["start.without_tls"]),
    ],
)
def test_what_may_start(host: str, settings: dict[str, str], keys: list[str]) -> None:
    found = weaknesses(Settings(**settings), host)  # type: ignore[arg-type]
    assert [weakness.key for weakness in found] == keys
    assert not any(weakness.is_fatal for weakness in found)


@pytest.mark.parametrize(
    ("host", "settings", "told"),
    [
        ("0.0.0.0", {"auth_secret": "changeme"}, "AUTH_SECRET is too easy"),
        ("::", {"auth_secret": "a" * 64}, "AUTH_SECRET is too easy"),
        ("0.0.0.0", {"metrics_networks": "::/0"}, "opens /metrics to everybody"),
        ("127.0.0.1", {"trusted_proxies": "10.0.0.1, 0.0.0.0/0"}, "believes everybody"),
    ],
)
def test_what_may_not(host: str, settings: dict[str, str], told: str) -> None:
    with pytest.raises(CannotStart, match=told):
        _refuse_carelessness(Settings(**settings), host, "en")  # type: ignore[arg-type]


def test_a_weak_secret_is_only_told_of_on_this_machine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _refuse_carelessness(Settings(auth_secret="short"), "127.0.0.1", "en")  # type: ignore[arg-type]
    assert "too easy to guess" in capsys.readouterr().out


def test_a_secret_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text(f"{STRONG}\n")
    monkeypatch.setenv("AUTH_SECRET_FILE", str(tmp_path / "secret"))
    assert Settings().auth_secret.get_secret_value() == STRONG
    assert STRONG not in repr(Settings())


def test_a_file_is_for_secrets_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").write_text("other")
    monkeypatch.setenv("OLLAMA_MODEL_FILE", str(tmp_path / "model"))
    assert Settings().ollama_model == "mistral"


def test_a_secret_given_twice_or_unreadable_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QDRANT_API_KEY_FILE", str(tmp_path / "nothing"))
    with pytest.raises(CannotStart, match=r"QDRANT_API_KEY_FILE: .* cannot be read"):
        _settings("en")
    monkeypatch.setenv("QDRANT_API_KEY", "given twice, and secret")
    with pytest.raises(CannotStart, match="are both set") as refused:
        _settings("en")
    assert "given twice" not in str(refused.value)
