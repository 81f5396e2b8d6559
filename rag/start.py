"""``python -m rag.start --host … --port …``: checks what must not be missing, then serves the chat.

Exits with 1 and one clear sentence when the port or the data folder cannot be used. On an empty
database it makes the first accounts, on an empty library it loads the sample manuals.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rag.access.strength import weaknesses
from rag.backup.restore import UNFINISHED
from rag.errors import RagError, StoreDown
from rag.lean import leave_out
from rag.messages import language_of_shell, say
from rag.models.allocator import keep_memory_small
from rag.observe.logs import set_up_logs, toggle_debug
from rag.settings import Settings, read_settings
from rag.store.folder_lock import may_share, take_lock, take_place
from rag.types import Language, ManualMetadata

if TYPE_CHECKING:
    from rag.chat.door import Door

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "evals" / "samples"
# What Chainlit reads from its root; copied, because it also writes there.
CHAINLIT_FILES = (".chainlit/config.toml", ".chainlit/translations", "chainlit*.md")


class CannotStart(Exception):
    """The reason, as one sentence for the person who starts Millwright."""


def main() -> int:
    arguments = _parser().parse_args()
    language = language_of_shell()
    _be_small()
    try:
        settings = _settings(language)
        _refuse_carelessness(settings, arguments.host, language)
        door, listener = _open(settings, arguments.host, arguments.port, language)
    except CannotStart as reason:
        sys.stderr.write(f"millwright: {reason}\n")
        return 1
    try:
        asyncio.run(_serve(door, listener, arguments.host, language))
    except KeyboardInterrupt:  # while the samples are read; later the server ends by itself
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rag.start", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on")
    return parser


def _be_small() -> None:
    """What only counts before the first thread and the large imports."""
    # A heap for every thread would take some 80 MB; the variable is for the workers.
    keep_memory_small()
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    # Threads of the tokenizers' own only get in the way on a small machine.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    leave_out()
    gc.disable()  # what is imported stays: searching it for garbage takes an eighth of the start


def _settings(language: Language) -> Settings:
    try:
        return read_settings()
    except RagError as error:
        raise CannotStart(say(error.key, language, **error.values)) from error


def _refuse_carelessness(settings: Settings, host: str, language: Language) -> None:
    """Tell what is weak, and raise ``CannotStart`` where that would let others in."""
    for weakness in weaknesses(settings, host):
        if weakness.is_fatal:
            raise CannotStart(say(weakness.key, language))
        _say(say(weakness.key, language))


def _open(
    settings: Settings, host: str, port: int, language: Language
) -> tuple[Door, socket.socket]:
    """Take the port, the data folder and everything in it. Raises ``CannotStart``."""
    listener = _listener(host, port, language)
    own_folder = _claim(settings, language)
    _prepare_chainlit_root(own_folder / "chainlit")
    set_up_logs(settings)
    from rag.chat.door import open_door

    try:
        door = open_door(settings, own_folder)
    except RagError as error:
        raise CannotStart(say(error.key, language, **error.values)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        folder = str(settings.data_dir)
        raise CannotStart(
            say("start.data_not_writable", language, folder=folder, reason=reason)
        ) from error
    return door, listener


def _listener(host: str, port: int, language: Language) -> socket.socket:
    """A bound socket, so that nobody can take the port between this check and serving."""
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        if listener is not None:
            listener.close()
        if error.errno == 98:  # EADDRINUSE on Linux
            raise CannotStart(say("start.port_in_use", language, host=host, port=port)) from error
        reason = error.strerror or str(error)
        raise CannotStart(
            say("start.address_unusable", language, host=host, port=port, reason=reason)
        ) from error
    return listener


def _claim(settings: Settings, language: Language) -> Path:
    """Make the data folder, try to write there, and hold its lock for as long as we run.

    Returns the folder for what is this process's own: the same, or one in it when it is shared.
    """
    folder, shared = settings.data_dir, may_share(settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        take_lock(folder, shared=shared)
        if (folder / UNFINISHED).exists():
            raise CannotStart(say("start.restore_unfinished", language, folder=str(folder)))
        return take_place(folder) if shared else folder
    except StoreDown as error:
        process = error.values.get("process", "?")
        key = "start.data_not_shared" if settings.database_url else "start.data_in_use"
        raise CannotStart(say(key, language, folder=str(folder), process=process)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise CannotStart(
            say("start.data_not_writable", language, folder=str(folder), reason=reason)
        ) from error


def _prepare_chainlit_root(root: Path) -> None:
    """A folder where Chainlit may write, with our settings, texts and pictures; old uploads go."""
    shutil.rmtree(root, ignore_errors=True)
    for pattern in CHAINLIT_FILES:
        for source in ROOT.glob(pattern):
            target = root / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copy(source, target)
    (root / "public").symlink_to(ROOT / "public")
    os.environ["CHAINLIT_APP_ROOT"] = str(root.resolve())


async def _serve(door: Door, listener: socket.socket, host: str, language: Language) -> None:
    """First accounts, sample manuals, then the chat until somebody ends it."""
    _print_accounts(door, language)
    if door.services.embedder is None:
        _say(say("start.without_search_model", language))
    if not await asyncio.to_thread(door.services.library.manuals):
        gc.enable()  # this is work, and the chat's own memory comes after it
        await door.start_work()
        await _load_samples(door, language)

    from chainlit.config import config, load_module
    from chainlit.server import app

    from rag.serving import server_of

    config.run.headless = True
    config.run.module_name = str(ROOT / "chainlit_app.py")
    load_module(config.run.module_name)
    gc.collect()
    gc.freeze()  # never looked through again: a full search would hold all answers up for 0.1 s
    gc.enable()
    await door.start_work()  # not before the imports, which it would make slower
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, toggle_debug)
    services = door.services
    server = server_of(app, lambda: services.flights.drain(services.settings.shutdown_s))
    shown = f"[{host}]" if ":" in host else host
    listener.listen()  # whoever reads the next line may connect at once
    _say(say("start.ready", language, address=f"http://{shown}:{listener.getsockname()[1]}"))
    await server.serve(sockets=[listener])


def _print_accounts(door: Door, language: Language) -> None:
    first = door.accounts.ensure_first_accounts()
    if first:
        _say(say("start.accounts", language))
        for name, password, role in first:
            _say(f"  {name:<12} {password}   ({role.value})")


async def _load_samples(door: Door, language: Language) -> None:
    _say(say("start.samples", language))
    for path in sorted(SAMPLES.glob("*.pdf")):
        try:
            job = await door.jobs.enqueue(path, ManualMetadata(file_name=path.name))
            async for now in door.jobs.watch(job.id):
                _say_progress(f"  {path.name}: {now.stage} {now.done}/{now.total}")
            ended = await door.jobs.job(job.id)
            # Two processes that start together on nothing both load them.
            if ended.error_key and ended.error_key != "error.already_in_library":
                raise RagError(ended.error_key, retryable=False, **ended.error_values)
        except RagError as error:
            reason = say(error.key, language, **error.values)
            _say(say("start.sample_failed", language, name=path.name, reason=reason))
        else:
            _say_progress("")
            _say(f"  {path.name}")


def _say_progress(line: str) -> None:
    """A line that the next one writes over; on a terminal only."""
    if sys.stdout.isatty():
        sys.stdout.write(f"\r\033[K{line}")
        sys.stdout.flush()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
