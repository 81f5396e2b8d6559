"""The wall clock jumps by hours, forwards and back: what has a limit in time must not notice.

``clock.c`` is put in front of the C library for the app alone; without a compiler the rows say so.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from evals.chaos.app import App
from evals.chaos.surroundings import Row, Surroundings, ended
from evals.chat_client import ChatClient
from tests.manual_files import long_manual
from tests.stand_in.ollama import Reply

HOURS = (5, -5)
_A_MINUTE = 60
_KEPT = "Wie viel Kompressorenöl wird beim SK 37 eingefüllt?"


@dataclass(frozen=True)
class Clock:
    """``library`` moves the clock of whoever preloads it by the seconds in ``offset``."""

    library: Path
    offset: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self.library), "CLOCK_OFFSET_FILE": str(self.offset)}

    def set(self, hours: int) -> None:
        """From now on the clock is this much ahead of (or behind) the real one."""
        with self.offset.open("r+b") as file:  # in place: it is mapped
            file.write((hours * 3600).to_bytes(8, "little", signed=True))


def open_clock(folder: Path) -> Clock | None:
    """``None`` without a C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    clock = Clock(folder / "clock.so", folder / "clock.offset")
    source = Path(__file__).with_name("clock.c")
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(clock.library), str(source)]
    subprocess.run(command, check=True)
    clock.offset.write_bytes(bytes(8))
    return clock


async def clock_jumps(around: Surroundings) -> list[Row]:
    """Forwards, then back beyond where it was; each time in the middle of everything."""
    if around.clock is None:
        return [Row("clock jumps", "nothing notices", "left out: no C compiler", 0.0, True)]
    rows: list[Row] = []
    async with ChatClient(
        around.app.address, "technician", around.app.passwords["technician"]
    ) as chat:
        await chat.ask("Was bedeutet E-104 am Kompressor?")
        for hours in HOURS:
            rows += await _jump(around, around.clock, chat, hours)
    return rows


async def _jump(around: Surroundings, clock: Clock, chat: ChatClient, hours: int) -> list[Row]:
    app, name = around.app, f"clock {hours:+d} h"
    other_key = app.another_key()
    await _use_up(app, other_key)
    await app.ask(_KEPT)
    content = long_manual(f"Uhr {hours}", pages=60)
    job = (await app.upload(f"Uhr {hours}.pdf", content)).json()["id"]
    number = len(around.ollama.history) + 1
    around.ollama.enqueue(Reply("Das Kompressorenöl wird eingefüllt [1]. " * 3, pause_s=0.1))
    answering = asyncio.create_task(around.ask())
    request = await asyncio.to_thread(around.ollama.wait_for_request, number, 60)
    await asyncio.to_thread(request.started.wait, 10)

    clock.set(hours)

    # Before the upload is read: a new manual makes every kept answer an old one.
    kept, kept_s = await app.ask(_KEPT)
    from_cache = kept.status_code == 200 and len(around.ollama.history) == number
    answer, seconds = await answering
    limited, _ = await app.ask(_KEPT, key=other_key)
    wait = int(limited.headers.get("Retry-After", 0))
    async with app.client() as client:
        ready = (await client.get(f"{app.address}/ready")).status_code
    reply = await chat.ask("Wie wechsle ich das Kompressorenöl?")
    if reply.run_id:
        await chat.rate(reply.run_id, 1)  # raises when the log-in no longer holds
    again = ChatClient(app.address, "technician", app.passwords["technician"])
    async with again:
        pass
    read = await ended(app, job)
    mode = str(answer.get("mode"))
    return [
        Row(f"{name}: an answer under way", "written to its end", mode, seconds, mode == "llm"),
        Row(f"{name}: a kept answer", "still kept", f"{kept.status_code}", kept_s, from_cache),
        Row(
            f"{name}: a limit used up",
            "waits a minute at most",
            f"{limited.status_code}, wait {wait} s",
            0.0,
            limited.status_code in (200, 429) and wait <= _A_MINUTE,
        ),
        Row(f"{name}: /ready", "200", str(ready), 0.0, ready == 200),
        Row(
            f"{name}: a chat that was logged in",
            "asks and rates",
            f"{len(reply.text)} letters",
            reply.total_s,
            bool(reply.text and reply.run_id),
        ),
        Row(f"{name}: an upload under way", "done", read["status"], 0.0, read["status"] == "done"),
    ]


async def _use_up(app: App, key: str) -> None:
    """Ask until it is too much for this minute."""
    while (await app.ask(_KEPT, key=key))[0].status_code == 200:
        pass
