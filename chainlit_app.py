"""The browser door: log-in, questions, ratings, uploads. What it shows comes from ``rag``.

Served by ``python -m rag.start`` (or ``chainlit run chainlit_app.py``, without the first accounts).
Nothing that the browser sends is believed: who asks, what they may do and which machines there are
is looked up anew each time.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import Any

import chainlit as cl
from chainlit.data import get_data_layer
from chainlit.server import sio
from chainlit.session import WebsocketSession

from rag.access.pseudonym import pseudonym
from rag.access.rate_limit import TooMany
from rag.access.roles import require
from rag.answer.ask import ask
from rag.api.caller import language_of
from rag.api.install import install
from rag.api.session_guard import session_of_chat, watch_sockets
from rag.chat.answer_view import AnswerView, show_failure
from rag.chat.commands import admin_commands
from rag.chat.door import the_door
from rag.chat.history import open_chat_history, remember, turns_of
from rag.chat.line import Line
from rag.chat.machines import (
    machine_mode,
    machine_of_address,
    modes_again,
    modes_of,
    scope_of,
    type_mode,
    types_of,
)
from rag.chat.reindexing import tell_of_reindexing
from rag.chat.starters import Suggestions
from rag.errors import RagError
from rag.flights import WORDS_S
from rag.observe.logs import belongs_to
from rag.store.library import machines_of
from rag.types import Language, ManualStatus, Role, User

logger = logging.getLogger(__name__)
door = the_door()
services = door.services
line = Line()
suggestions = Suggestions(services.library)
commands = admin_commands(door)
install(door)
watching: list[asyncio.Task[None]] = []


# --- who is there ----------------------------------------------------------------------------


@cl.password_auth_callback
async def log_in(name: str, password: str) -> cl.User | None:
    """Tells Chainlit to ask for a password; the log-in itself is ``rag.api.session_routes``."""
    user = await asyncio.to_thread(door.accounts.verify, name, password)
    return cl.User(identifier=user.name) if user else None


@cl.data_layer
def history() -> Any:
    return open_chat_history(services.settings)


async def the_user(*roles: Role) -> User:
    """Who this session belongs to, as the database knows them now. Raises ``NotAllowed``."""
    session = session_of_chat(cl.context.session)
    return require(await asyncio.to_thread(door.sessions.user_of, session), *roles)


def the_language() -> Language:
    """The language of the browser."""
    return language_of(cl.context.session.environ.get("HTTP_ACCEPT_LANGUAGE", ""))


# --- what the page offers ----------------------------------------------------------------------


@cl.set_starters
async def starters(user: cl.User | None, tag: str | None) -> list[cl.Starter]:
    language = language_of(tag or "")
    made = await asyncio.to_thread(suggestions.of, language)
    shown = [cl.Starter(label=one.label, message=one.question, icon=one.icon) for one in made]
    known = await asyncio.to_thread(door.accounts.find, user.identifier) if user else None
    is_admin = known is not None and known.role is Role.ADMIN
    return [*shown, commands[0].starter(language)] if is_admin else shown


@cl.on_chat_start
async def begin() -> None:
    await offer_choices()


@cl.on_chat_resume
async def resume(thread: dict[str, Any]) -> None:
    cl.user_session.set("turns", turns_of(thread))
    cl.user_session.set("asked", modes_of(thread))
    await offer_choices()


async def offer_choices() -> None:
    """The machines to choose from, and for admins the menu of commands."""
    language = the_language()
    machines = await asyncio.to_thread(services.library.machines)
    address = cl.context.session.environ.get("HTTP_REFERER", "")
    chosen = machine_of_address(address, machines)
    emitter = cl.context.emitter
    types = types_of(await asyncio.to_thread(services.library.manuals))
    modes = [machine_mode(machines, language, chosen)] if machines else []
    await emitter.set_modes([*modes, type_mode(types, language)] if types else modes)
    try:
        await the_user(Role.ADMIN)
    except RagError:
        return
    await emitter.set_commands([one.entry(language) for one in commands])


# --- questions ---------------------------------------------------------------------------------


@cl.on_message
async def on_message(message: cl.Message) -> None:
    # An edited question does not set this by itself, and could not be stopped without it.
    cl.context.session.current_task = asyncio.current_task()
    belongs_to(thread=cl.context.session.thread_id)
    language = the_language()
    try:
        called = [one for one in commands if one.is_called(message.command or "")]
        if called:
            await the_user(Role.ADMIN)
            if not message.content and len(cl.chat_context.get()) == 1:
                # The list of chats would have no name for this one.
                named = called[0].title(language)
                await get_data_layer().update_thread(cl.context.session.thread_id, name=named)
            await called[0].run(language)
            if called[0].name == "upload":
                await offer_choices()  # there may be a new machine
        else:
            user = await the_user()
            await asyncio.to_thread(door.limits.spend, "question", user.id)
            await answer(message, user, language)
    except TooMany as error:
        await show_failure(error.key, language, error.values, again=message.content)
    except RagError as error:
        await show_failure(error.key, language, error.values)
    except Exception:
        logger.exception("a message could not be dealt with")
        await show_failure("answer.failed", language, {}, again=message.content)


async def answer(message: cl.Message, user: User, language: Language) -> None:
    """Ask, show what comes, and keep what was answered."""
    manuals = await asyncio.to_thread(services.library.manuals)
    machines = machines_of(one for one in manuals if one.status is ManualStatus.ACTIVE)
    asked = cl.user_session.get("asked") or {}
    modes = message.modes or modes_again(message.content, asked)
    scope = scope_of(modes, machines, types_of(manuals))
    turns = cl.user_session.get("turns") or ()
    pages = {one.id: one.pages for one in manuals}
    await tell_of_reindexing(door.jobs.reindexing, language)
    view = AnswerView(message.content, language, pages, door.pace)
    fresh = cl.user_session.get("fresh") == message.content
    cl.user_session.set("fresh", None)
    try:
        events = ask(
            message.content,
            user=user,
            scope=scope,
            history=turns,
            services=services,
            fresh=fresh,
            words_s=WORDS_S,
        )
        async with aclosing(events):
            async for event in events:
                line.note(cl.context.session.id, event)
                await view.show(event)
    except asyncio.CancelledError:
        await view.stop()
        return
    except Exception:
        logger.exception("a question could not be answered")
        await view.fail("answer.failed")
        return
    finally:
        line.note(cl.context.session.id, None)
    if view.answer is not None:
        cl.user_session.set("turns", remember(turns, view.answer, scope))
        again = view.answer.understood_as or message.content
        cl.user_session.set("asked", {**asked, message.content: modes, again: modes})
        services.tracer.record(
            view.answer,
            user_pseudonym=pseudonym(user.id, services.settings),
            thread_id=cl.context.session.thread_id,
            run_id=cl.context.current_run.id if cl.context.current_run else None,
        )


@cl.action_callback("ask_again")
async def ask_again(action: cl.Action) -> None:
    """The next question, if it is this one, is not answered from the kept answers."""
    cl.user_session.set("fresh", str(action.payload.get("question", "")))


@sio.on("stop")
async def stop(socket_id: str) -> None:
    """In place of Chainlit's own, which adds an English message; ``answer`` says it itself."""
    session = WebsocketSession.get(socket_id)
    if session is not None and session.current_task:
        session.current_task.cancel()


@cl.on_chat_end
async def leave() -> None:
    """The page was closed, or its connection broke."""
    line.disconnected(cl.context.session)


@cl.on_app_startup
async def start_work() -> None:
    await door.start_work()
    watching.append(asyncio.create_task(watch_sockets(door.sessions), name="chats"))
    watching.append(asyncio.create_task(door.prepare(), name="what questions need"))


@cl.on_app_shutdown
async def shut_down() -> None:
    for task in watching:
        task.cancel()
    await door.close()
