"""What the users of ``evals.load`` do; a locustfile. Locust replaces Python's sockets, so it runs
in a process of its own, in the environment that evaluates.

``LOAD_PLAN`` names a JSON file: address, accounts, keys, questions, seconds from one's question to
the next, where to say that everybody is there, and where to write what was measured.

Nobody asks before everybody is there and the service has come to rest: it imports MLflow in its
first seconds. Then each begins at a moment of its own and pauses sometimes longer, sometimes
shorter: people do not ask in step.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import time
import uuid
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import gevent
import requests
import socketio
from gevent.event import Event
from locust import User, events, task
from locust.env import Environment

from evals.chat_client import hello, typed

PLAN: dict[str, Any] = json.loads(Path(os.environ["LOAD_PLAN"]).read_text())
PATIENCE_S = 60.0
REST_S = 10.0
# Of the seconds from one's question to the next. Were it more, ten would fall into a minute.
JITTER = 0.1

_accounts = iter(PLAN["accounts"].items())
_keys = iter(PLAN["keys"])
_questions = itertools.cycle(PLAN["questions"])
_first_token_ms: dict[str, list[float]] = defaultdict(list)
_whole_ms: dict[str, list[float]] = defaultdict(list)
_results: Counter[str] = Counter()
_choose = random.Random(7)  # the same pauses in each run
_everybody_is_there = Event()


@events.spawning_complete.add_listener
def begin(**_: object) -> None:
    gevent.sleep(REST_S)
    Path(PLAN["begun"]).touch()
    _everybody_is_there.set()


class Asker(User):
    """Asks again and again, and notes how long the first token and the whole answer took."""

    abstract = True
    door = ""
    asked = 0.0

    def on_start(self) -> None:
        _everybody_is_there.wait(PATIENCE_S)
        gevent.sleep(_choose.uniform(0, PLAN["every_s"]))

    def wait_time(self) -> float:
        due = self.asked + PLAN["every_s"] * _choose.uniform(1 - JITTER, 1 + JITTER)
        return max(0.0, due - time.perf_counter())

    @task
    def ask(self) -> None:
        self.asked = begun = time.perf_counter()
        failure: Exception | None = None
        try:
            outcome = self.answer(next(_questions))
        except Exception as error:
            failure, outcome = error, f"{type(error).__name__}: {error}"
        whole = (time.perf_counter() - begun) * 1000
        _results[f"{self.door}: {outcome}"] += 1
        if outcome == "answered":
            _whole_ms[self.door].append(whole)
        self.environment.events.request.fire(
            request_type=self.door,
            name="ask",
            response_time=whole,
            response_length=0,
            exception=failure,
            context={},
        )

    def answer(self, question: str) -> str:
        """One question to its end: "answered", or "429" when there were too many."""
        raise NotImplementedError

    def note_first_token(self) -> None:
        """The first words of the answer are there."""
        _first_token_ms[self.door].append((time.perf_counter() - self.asked) * 1000)


class ChatUser(Asker):
    """Speaks the chat's socket as a browser does."""

    fixed_count = PLAN["chat_users"]
    door = "chat"

    def on_start(self) -> None:
        name, password = next(_accounts)
        session = requests.Session()
        session.post(
            f"{PLAN['address']}/login", data={"username": name, "password": password}, timeout=30
        ).raise_for_status()
        self.name = name
        self.started, self.ended = Event(), Event()
        self.begins = self.is_told = False
        self.steps: dict[str, dict[str, Any]] = {}
        self.socket = socketio.Client(reconnection=False)
        for event in ("new_message", "update_message", "stream_start"):
            self.socket.on(event, self.on_step)
        self.socket.on("stream_token", self.on_token)
        self.socket.on("task_start", self.on_task_start)
        self.socket.on("task_end", self.on_task_end)
        cookies = "; ".join(f"{one.name}={one.value}" for one in session.cookies)
        self.socket.connect(
            PLAN["address"],
            headers={"Cookie": cookies, "Accept-Language": "de"},
            socketio_path="/ws/socket.io",
            transports=["websocket"],
            auth=hello(str(uuid.uuid4())),
        )
        self.socket.emit("connection_successful")
        if not self.started.wait(PATIENCE_S):
            raise TimeoutError("the chat did not start")
        super().on_start()

    def on_stop(self) -> None:
        self.socket.disconnect()

    def answer(self, question: str) -> str:
        self.steps.clear()
        self.ended.clear()
        self.is_told = False
        self.socket.emit("client_message", typed(self.name, output=question))
        if not self.ended.wait(PATIENCE_S):
            raise TimeoutError("no answer")
        if not self.is_told:
            raise RuntimeError("ended without a word")
        return "answered"

    def on_step(self, step: dict[str, Any]) -> None:
        self.steps[step["id"]] = step
        # A refusal comes whole, not token by token.
        if step.get("type") == "assistant_message" and step.get("output"):
            self.on_token(step)

    def on_token(self, _: object) -> None:
        if not self.is_told:
            self.is_told = True
            self.note_first_token()

    def on_task_start(self, *_: object) -> None:
        self.begins = True

    def on_task_end(self, *_: object) -> None:
        # The start of the chat is a task of its own.
        if self.begins and not self.started.is_set():
            self.started.set()
        elif any(step.get("type") == "assistant_message" for step in self.steps.values()):
            self.ended.set()


class ApiUser(Asker):
    """Reads the stream of server-sent events."""

    fixed_count = PLAN["api_users"]
    door = "api"

    def on_start(self) -> None:
        self.session = requests.Session()
        self.session.headers["X-API-Key"] = next(_keys)
        super().on_start()

    def answer(self, question: str) -> str:
        address = f"{PLAN['address']}/api/v1/query/stream"
        with self.session.post(
            address, json={"question": question}, stream=True, timeout=PATIENCE_S
        ) as response:
            if response.status_code == 429:
                return "429"
            response.raise_for_status()
            told = False
            for line in response.iter_lines(chunk_size=None):
                if line == b"event: token" and not told:
                    told = True
                    self.note_first_token()
                if line == b"event: done":
                    return "answered"
                if line == b"event: failed":
                    raise RuntimeError("the stream said: failed")
        raise RuntimeError("the stream broke off")


@events.quitting.add_listener
def write_down(environment: Environment, **_: object) -> None:
    """Everything that was measured, for ``evals.load`` to read."""
    measured = {
        "first_token_ms": _first_token_ms,
        "whole_ms": _whole_ms,
        "results": _results,
    }
    Path(PLAN["measured"]).write_text(json.dumps(measured))
