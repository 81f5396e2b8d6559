"""A Qdrant server for tests: the part of its HTTP that qdrant-client uses, over the real engine.

Stopped, it refuses connections as a killed server does; started again it has its data again. As a
process: ``python -m tests.stand_in.qdrant --port 6333 --folder DIR``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel
from qdrant_client import models

from rag.store.edge import EdgeClient
from tests.stand_in.http import Connection, HttpServer


class QdrantStandIn(HttpServer):
    """``folder`` keeps the collections. ``history`` are the calls as (method, path).

    ``failing``: the status that calls get instead of their answer (0: none), the next
    ``failing_calls`` of them or all. With a ``gate``, points are written once it is open; the first
    ``free_writes`` need not wait.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        super().__init__(port)
        self.folder = folder
        self.failing = 0
        self.failing_calls: int | None = None
        self.gate: threading.Event | None = None
        self.free_writes = 0
        self.history: list[tuple[str, str]] = []
        self._engine: EdgeClient | None = None

    def start(self) -> None:
        self._engine = EdgeClient(self.folder)
        super().start()

    def stop(self) -> None:
        super().stop()
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    async def respond(self, connection: Connection, method: str, path: str, body: bytes) -> None:
        path = urlsplit(path).path
        self.history.append((method, path))
        if self.failing and self.failing_calls != 0:
            if self.failing_calls is not None:
                self.failing_calls -= 1
            await connection.send_json(self.failing, {"status": {"error": "told to fail"}})
            return
        if self.gate and method == "PUT" and path.endswith("/points"):
            self.free_writes -= 1
            if self.free_writes < 0:
                await asyncio.to_thread(self.gate.wait)
        try:
            result = self._answer(method, path.strip("/").split("/"), json.loads(body or b"{}"))
        except LookupError as error:
            await connection.send_json(404, {"status": {"error": f"Not found: {error}"}})
            return
        except ValueError as error:
            found = "not found" not in str(error)
            status = {"error": str(error)}
            await connection.send_json(400 if found else 404, {"status": status})
            return
        await connection.send_json(200, {"result": _plain(result), "status": "ok", "time": 0.001})

    def _answer(self, method: str, parts: list[str], body: dict[str, Any]) -> Any:
        engine = self._engine
        assert engine is not None
        match method, parts:
            case "GET", ["collections"]:
                return engine.get_collections()
            case "GET", ["collections", name, "exists"]:
                return {"exists": engine.collection_exists(name)}
            case "GET", ["collections", name]:
                return engine.get_collection(name)
            case "PUT", ["collections", name]:
                wanted = models.CreateCollection(**body)
                return engine.create_collection(name, wanted.vectors, wanted.sparse_vectors)
            case "DELETE", ["collections", name]:
                return engine.delete_collection(name)
            case "PUT", ["collections", name, "index"]:
                field = models.CreateFieldIndex(**body)
                return engine.create_payload_index(name, field.field_name, field.field_schema)
            case "POST", ["collections", name, "facet"]:
                facet = models.FacetRequest(**body)
                limit, exact = facet.limit or 10, bool(facet.exact)
                return engine.facet(name, facet.key, facet.filter, limit, exact)
            case _, ["collections", name, "points", *action]:
                return self._points(engine, method, name, action, body)
        raise LookupError(f"{method} {'/'.join(parts)}")

    def _points(
        self, engine: EdgeClient, method: str, name: str, action: list[str], body: dict[str, Any]
    ) -> Any:
        match method, action:
            case "PUT", []:
                return engine.upsert(name, [models.PointStruct(**one) for one in body["points"]])
            case "PUT", ["vectors"]:
                changed = [models.PointVectors(**one) for one in body["points"]]
                return engine.update_vectors(name, changed)
            case "POST", ["delete"]:
                if "filter" in body:
                    return engine.delete(name, models.Filter(**body["filter"]))
                return engine.delete(name, body["points"])
            case "POST", []:
                payload, vectors = body.get("with_payload"), body.get("with_vector")
                return engine.retrieve(name, body["ids"], payload, vectors)
            case "POST", ["query"]:
                return engine.query_points(
                    name,
                    query=_query(body.get("query")),
                    using=body.get("using"),
                    query_filter=_filter(body),
                    limit=body.get("limit", 10),
                    score_threshold=body.get("score_threshold"),
                    with_payload=body.get("with_payload", False),
                    with_vectors=body.get("with_vector", False),
                )
            case "POST", ["scroll"]:
                records, following = engine.scroll(
                    name,
                    scroll_filter=_filter(body),
                    limit=body.get("limit", 10),
                    offset=body.get("offset"),
                    with_payload=body.get("with_payload", True),
                    with_vectors=body.get("with_vector", False),
                )
                return {"points": records, "next_page_offset": following}
            case "POST", ["count"]:
                return engine.count(name, _filter(body))
        raise LookupError(f"{method} points/{'/'.join(action)}")


def _filter(body: dict[str, Any]) -> models.Filter | None:
    return models.Filter(**body["filter"]) if body.get("filter") else None


def _query(query: Any) -> Any:
    """A vector as the engine takes it: a list, or a sparse vector."""
    if isinstance(query, dict):
        return _query(query["nearest"]) if "nearest" in query else models.SparseVector(**query)
    return query


def _plain(result: Any) -> Any:
    if isinstance(result, BaseModel):
        return json.loads(result.model_dump_json())
    if isinstance(result, list):
        return [_plain(one) for one in result]
    if isinstance(result, dict):
        return {key: _plain(value) for key, value in result.items()}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.stand_in.qdrant")
    parser.add_argument("--port", type=int, default=6333)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    with QdrantStandIn(arguments.folder, arguments.port) as stand_in:
        print(f"stand-in Qdrant on {stand_in.url}", flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
