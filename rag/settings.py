"""Every setting of Millwright, in one frozen object. Read from the environment."""

from __future__ import annotations

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from rag.errors import RagError


class SecretFiles(PydanticBaseSettingsSource):
    """A secret may stand in a file that ``<NAME>_FILE`` names, as Docker and systemd hand it over.

    Raises ``ValueError`` when it is given twice or its file cannot be read.
    """

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        variable = f"{field_name.upper()}_FILE"
        path = os.environ.get(variable, "")
        if not path or field.annotation is not SecretStr:
            return None, field_name, False
        if os.environ.get(field_name.upper()):
            raise ValueError(f"{variable} and {field_name.upper()} are both set: give one of them")
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise ValueError(f"{variable}: {path} cannot be read: {error.strerror}") from error

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields.items()
        found = {name: self.get_field_value(field, name)[0] for name, field in fields}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """Environment variables carry the field's name in capitals (``OLLAMA_MODEL=mistral``)."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_file=None)

    data_dir: Path = Field(Path("data"), description="Folder for manuals, index and databases.")
    database_url: SecretStr = Field(
        SecretStr(""),
        description="PostgreSQL (`postgresql://user:password@host/name`) that several processes "
        "share; empty: SQLite in DATA_DIR.",
    )
    models_dir: Path = Field(Path("models"), description="Folder for the prepared ONNX models.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="How much the log says."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Lines for people, or one JSON object a line with its ids."
    )
    metrics_networks: str = Field(
        "127.0.0.0/8, ::1",
        description="Networks, with commas, that may read /metrics without a key.",
    )
    session_hours: float = Field(
        12.0, gt=0, le=24 * 30, description="Hours after which a log-in must be repeated."
    )
    auth_secret: SecretStr = Field(
        SecretStr(""),
        description="Signs log-ins and pseudonyms; made and kept in DATA_DIR when empty.",
    )

    ollama_base_url: str = Field(
        "http://127.0.0.1:11434",
        description="Ollama server, or several separated by commas; empty: no language model.",
    )
    ollama_model: str = Field("mistral", description="Language model that writes the answers.")
    ollama_connect_timeout_s: float = Field(3.0, gt=0, description="Seconds to connect to Ollama.")
    ollama_first_token_timeout_s: float = Field(
        120.0, gt=0, description="Seconds until the first word; the model may have to be loaded."
    )
    ollama_timeout_s: float = Field(
        60.0, gt=0, description="Seconds of silence in mid-answer after which Ollama is given up."
    )
    ollama_parallel: int = Field(
        2, ge=1, description="Answers written at once on each Ollama host; others wait in turn."
    )
    ollama_queue: int = Field(
        50, ge=0, description="Questions that may wait for the language model; more are quoted."
    )
    num_ctx: int = Field(2048, ge=512, description="Context window sent to Ollama, in tokens.")
    answer_tokens: int = Field(400, ge=64, description="Tokens of the window kept for the answer.")
    tokenizer_file: str = Field(
        "",
        description="`tokenizer.model` or `tokenizer.json` of the language model; empty: the "
        "prepared one, else an estimate.",
    )
    temperature: float = Field(0.0, ge=0, le=2, description="Sampling temperature of the model.")

    qdrant_url: str = Field("", description="Qdrant server; empty: the engine runs in process.")
    qdrant_api_key: SecretStr = Field(SecretStr(""), description="Key for the Qdrant server.")
    keyword_backend: Literal["auto", "memory", "qdrant"] = Field(
        "auto", description="BM25 in memory (rank-bm25), as sparse vectors, or by size."
    )
    keyword_limit: int = Field(
        5000, ge=1, description="Chunks above which `auto` moves BM25 into the engine."
    )

    embedding_model: str = Field(
        "auto", description="Model of the catalogue; `auto`: the best prepared one; `none`: BM25."
    )
    reranker_model: str = Field(
        "auto", description="Cross-encoder of the catalogue; `auto`: if prepared; `none`: off."
    )
    hyde: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Search also with a hypothetical passage that the language model writes; "
        "`auto`: when the question itself finds little.",
    )
    hyde_timeout_s: float = Field(8.0, gt=0, description="Seconds HyDE may take before it is left.")
    rrf_k: int = Field(60, ge=1, description="Constant k of reciprocal rank fusion.")
    dense_depth: int = Field(20, ge=1, description="Hits taken from the dense retriever.")
    keyword_depth: int = Field(20, ge=1, description="Hits taken from BM25.")
    rerank_depth: int = Field(10, ge=1, description="Fused candidates the cross-encoder reads.")
    passages: int = Field(3, ge=1, description="Passages given to the language model.")
    dedup_jaccard: float = Field(
        0.85, gt=0, le=1, description="Word overlap from which passages count as the same."
    )

    questions_per_minute: int = Field(
        10, ge=0, description="Questions a minute for each user and each API key; 0: no limit."
    )
    uploads_per_minute: int = Field(
        30, ge=0, description="Uploads a minute for each user and each API key; 0: no limit."
    )
    logins_per_name: int = Field(
        10, ge=1, description="Log-ins tried with one name in 5 minutes before it must wait."
    )
    logins_per_address: int = Field(
        30, ge=1, description="Log-ins tried from one address in 5 minutes before it must wait."
    )
    redis_url: SecretStr = Field(
        SecretStr(""), description="Redis for limits that several processes share; empty: memory."
    )
    trusted_proxies: str = Field(
        "",
        description="Networks, with commas, of the proxies whose X-Forwarded-For and -Proto count.",
    )

    shutdown_s: float = Field(
        5.0, ge=0, description="Seconds that answers under way get when the app is stopped."
    )
    min_free_mb: int = Field(
        200, ge=0, description="Free disk space below which manuals are refused, in MB."
    )
    cache_mb: int = Field(
        8, ge=0, description="Memory for answers given within the last hour, in MB; 0: none."
    )
    max_upload_mb: int = Field(50, ge=1, description="Largest manual that can be uploaded, in MB.")
    worker_memory_mb: int = Field(
        1024, ge=128, description="Address space of the process that reads a manual, in MB."
    )
    worker_rss_mb: int = Field(
        400, ge=100, description="Memory that this process may hold at once, in MB."
    )
    worker_timeout_s: float = Field(
        900.0, gt=0, description="Seconds after which reading a manual is given up."
    )
    ocr_languages: str = Field("deu+eng", description="Tesseract languages for scanned pages.")

    tracing: bool = Field(True, description="Write a trace of every answer to MLflow.")
    mlflow_tracking_uri: str = Field(
        "", description="MLflow server or store; empty: SQLite in DATA_DIR."
    )
    mlflow_experiment: str = Field("millwright", description="MLflow experiment of the traces.")

    @field_validator("trusted_proxies", "metrics_networks")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        networks(value)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, SecretFiles(settings_cls), env_settings


def read_settings() -> Settings:
    """The settings of the environment. Raises ``RagError`` that names all that are impossible."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = [(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors()]
        reason = "; ".join(f"{name.upper()}: {what}" for name, what in wrong)
    except ValueError as error:  # a secret's file
        reason = str(error)
    raise RagError("start.settings_wrong", reason=reason)


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """``"10.0.0.0/8, ::1"`` as networks. Raises ``ValueError``."""
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())
