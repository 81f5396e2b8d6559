"""What is shipped names settings and files that there are: a typing error would be silent."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from rag.settings import Settings
from rag.store.folder_lock import may_share
from tests.served import PROJECT

PLATFORM = {"PORT"}  # what a platform wants to know, and not we
FIELDS = Settings.model_fields


def read(name: str) -> Any:
    return yaml.safe_load((PROJECT / name).read_text(encoding="utf-8"))


def is_setting(name: str) -> bool:
    if name.endswith("_FILE"):
        field = FIELDS.get(name.removesuffix("_FILE").lower())
        return field is not None and field.annotation is SecretStr
    return name.lower() in FIELDS or name in PLATFORM


@pytest.mark.parametrize("service", ["small", "app"])
def test_compose_sets_settings_that_there_are(service: str) -> None:
    compose = read("compose.yaml")
    told = compose["services"][service]
    assert told["read_only"]
    assert told["volumes"] == ["data:/data"]
    assert all(map(is_setting, told["environment"])), told["environment"]
    for name, value in told["environment"].items():
        if name.endswith("_FILE"):
            assert value.removeprefix("/run/secrets/") in told["secrets"]
    Settings(**{n.lower(): v for n, v in told["environment"].items() if n == "TRUSTED_PROXIES"})


def test_each_profile_has_what_it_needs() -> None:
    services = read("compose.yaml")["services"]
    small = {name for name, one in services.items() if "small" in one["profiles"]}
    assert small == {"small"}
    assert services["small"]["mem_limit"] == services["small"]["memswap_limit"] == "512m"
    plant = {name for name, one in services.items() if "plant" in one["profiles"]}
    assert plant == services.keys() - small
    proxy = services["nginx"]["networks"]["plant"]["ipv4_address"]
    assert services["app"]["environment"]["TRUSTED_PROXIES"] == f"{proxy}/32"
    made = (PROJECT / "deploy/secrets.sh").read_text()
    for secret in read("compose.yaml")["secrets"].values():
        assert secret["file"].rpartition("/")[2] in made


def test_the_plants_processes_can_share_their_data() -> None:
    """`--scale app=2` would else be refused by the folder's lock."""
    told = read("compose.yaml")["services"]["app"]["environment"]
    names = ("QDRANT_URL", "MLFLOW_TRACKING_URI")
    settings = Settings(**{name.lower(): told[name] for name in names})
    assert not may_share(settings)
    url = SecretStr("postgresql://host/name")
    assert may_share(settings.model_copy(update={"database_url": url}))
    assert "DATABASE_URL_FILE" in told
    started = read("compose.yaml")["services"]["postgres"]["volumes"][-1].split(":")[0]
    assert (PROJECT / started).stat().st_mode & 0o111  # else it is read, not run


def test_the_blueprint_sets_settings_that_there_are() -> None:
    [service] = read("render.yaml")["services"]
    assert all(is_setting(one["key"]) for one in service["envVars"])
    assert service["disk"]["mountPath"] == "/data"


def test_the_image_copies_what_there_is_and_leaves_secrets_out() -> None:
    lines = (PROJECT / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if re.match(r"COPY (?!--from)", line)]
    for source in (name for names in copied for name in names):
        assert list(PROJECT.glob(source)), source
    ignored = (PROJECT / ".dockerignore").read_text().splitlines()
    assert {"deploy/secrets", "data", ".env", ".git"} <= set(ignored)


def test_the_proxy_lets_through_what_the_settings_allow() -> None:
    conf = (PROJECT / "deploy/nginx.conf").read_text()
    limit = re.search(r"client_max_body_size (\d+)m;", conf)
    assert limit is not None
    assert int(limit[1]) == FIELDS["max_upload_mb"].default + 1
