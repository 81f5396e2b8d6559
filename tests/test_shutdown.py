"""SIGTERM: what is under way gets some seconds, what does not end then says so, exit code 0."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from pathlib import Path

import pytest

from evals.chat_client import ChatClient
from tests.served import copy_data, served
from tests.stand_in.ollama import Failure, OllamaStandIn, Reply

ENDS = "Was bedeutet E-104 am Kompressor?"
HANGS = "Wie wechsle ich das Öl des Kompressors?"
WAITS = "Was bedeutet E-105 am Kompressor?"


@pytest.mark.slow
async def test_answers_end_or_say_that_they_were_interrupted(
    prepared: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    data_dir = copy_data(prepared[0], tmp_path / "data")
    gate = threading.Event()
    ends = Reply("Die Anlage ist zu heiß [1].", gate=gate, gate_after=3)

    with (
        OllamaStandIn() as ollama,
        served(data_dir, OLLAMA_BASE_URL=ollama.url, SHUTDOWN_S="6", HYDE="never") as service,
    ):
        password = prepared[1]["technician"]
        async with (
            ChatClient(service.address, "technician", password) as one,
            ChatClient(service.address, "technician", password) as other,
            ChatClient(service.address, "qa", prepared[1]["qa"]) as third,
        ):
            ollama.enqueue(ends)
            finished = asyncio.create_task(one.ask(ENDS))
            first = await asyncio.to_thread(ollama.wait_for_request, 1)
            ollama.enqueue(Failure("silent", after=3, text="Zuerst die Anlage ausschalten."))
            interrupted = asyncio.create_task(other.ask(HANGS))
            second = await asyncio.to_thread(ollama.wait_for_request, 2)
            for request in (first, second):
                assert await asyncio.to_thread(request.started.wait, 10)

            waiting = asyncio.create_task(third.ask(WAITS))
            async with asyncio.timeout(20):
                while not any("Stelle 1" in text for text in third.outputs):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

            service.process.send_signal(signal.SIGTERM)
            gate.set()

            assert "zu heiß" in (await finished).text
            await waiting  # written or interrupted, but over
            boxes = [
                json.loads(element["props"])
                if isinstance(element["props"], str)
                else element["props"]
                for element in (await interrupted).elements
                if element.get("name") == "Failed"
            ]
            assert [box["question"] for box in boxes] == [HANGS]
            assert "unterbrochen" in boxes[0]["text"]
            assert await asyncio.to_thread(service.process.wait, 20) == 0
    assert second.cancelled.is_set()
    assert not any("Traceback" in line for line in service.lines)
