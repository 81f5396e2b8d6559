"""Chainlit's data layer on our database, driven with Chainlit's own objects."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from chainlit.context import init_http_context
from chainlit.data.acl import is_thread_author
from chainlit.element import CustomElement, File, Text
from chainlit.types import Feedback, Pagination, ThreadFilter
from chainlit.user import PersistedUser, User
from sqlalchemy.exc import SQLAlchemyError

from rag.errors import NotAllowed
from rag.settings import Settings
from rag.store.database import open_database
from rag.store.history import History
from tests.postgres import on

PROPS = {"citations": [{"n": 1, "title": "Kompressor", "page": 41}], "language": "de"}


@pytest.fixture
async def history(tmp_path: Path, database_url: str) -> AsyncIterator[History]:
    settings = on(Settings(data_dir=tmp_path), database_url)
    open_database(settings).dispose()
    init_http_context()
    history = History(settings)
    yield history
    await history.close()


@pytest.fixture
async def anna(history: History) -> PersistedUser:
    return await user(history, "anna")


async def user(history: History, name: str) -> PersistedUser:
    made = await history.create_user(User(identifier=name, metadata={"role": "technician"}))
    assert made is not None
    return made


def step(thread: str, number: int = 1, **changes: Any) -> Any:
    return {
        "id": f"{thread}-step-{number}",
        "name": "Millwright",
        "type": "assistant_message",
        "threadId": thread,
        "parentId": None,
        "streaming": False,
        "metadata": {},
        "input": "",
        "output": f"Antwort {number}",
        "createdAt": f"2026-11-22T12:00:{number:02d}Z",
        **changes,
    }


async def conversation(history: History, owner: PersistedUser, thread: str = "t1") -> None:
    await history.update_thread(thread, name=f"Frage {thread}", user_id=owner.id, tags=["SK 22"])
    await history.create_step(
        step(thread, 1, type="user_message", output="E-104?", modes={"machine": "SK 22"})
    )
    await history.create_step(step(thread, 2, type="run", input="E-104?", showInput=True))
    await history.create_step(step(thread, 3, generation={"tokens": 12}, tags=["llm", "de"]))
    await history.create_element(
        CustomElement(
            thread_id=thread, id=f"{thread}-card", name="Sources", props=PROPS, for_id=f"{thread}-3"
        )
    )


async def test_a_user_is_made_once_and_changed_after(history: History) -> None:
    first = await user(history, "anna")
    assert first.metadata == {"role": "technician"}
    again = await history.create_user(User(identifier="anna", metadata={"role": "qa"}))
    assert again is not None
    assert (again.id, again.metadata) == (first.id, {"role": "qa"})
    assert await history.get_user("nobody") is None


async def test_a_conversation_comes_back_whole(history: History, anna: PersistedUser) -> None:
    await conversation(history, anna)
    thread = await history.get_thread("t1")
    assert thread is not None
    assert thread["userIdentifier"] == "anna"
    assert thread["tags"] == ["SK 22"]
    question, run, answer = thread["steps"]
    assert question["modes"] == {"machine": "SK 22"}
    assert run["input"] == "E-104?"
    assert answer["output"] == "Antwort 3"
    assert answer["generation"] == {"tokens": 12}
    assert answer["tags"] == ["llm", "de"]
    assert answer["streaming"] is False
    (card,) = thread["elements"] or []
    assert card["props"] == PROPS
    assert card["forId"] == "t1-3"
    assert await history.get_element("t1", "t1-card") == card
    assert await history.get_element("other", "t1-card") is None
    assert await history.get_thread("no such thread") is None


async def test_a_step_is_replaced_not_doubled(history: History, anna: PersistedUser) -> None:
    await conversation(history, anna)
    await history.update_step(step("t1", 3, output="Antwort, vollständig", isError=True))
    thread = await history.get_thread("t1")
    assert thread is not None
    assert [each["output"] for each in thread["steps"]][2] == "Antwort, vollständig"
    assert thread["steps"][2]["isError"] is True
    await history.delete_step("t1-step-3")
    thread = await history.get_thread("t1")
    assert thread is not None
    assert len(thread["steps"]) == 2


async def test_metadata_grow_and_a_conversation_is_never_shared(
    history: History, anna: PersistedUser
) -> None:
    await conversation(history, anna)
    await history.update_thread("t1", metadata={"chat_profile": "SK 22", "x": 1})
    await history.update_thread("t1", metadata={"x": None, "is_shared": True, "shared_at": "now"})
    thread = await history.get_thread("t1")
    assert thread is not None
    assert thread["metadata"] == {"chat_profile": "SK 22"}


async def test_nobody_takes_over_what_is_somebody_elses(
    history: History, anna: PersistedUser
) -> None:
    bert = await user(history, "bert")
    await conversation(history, anna)
    await conversation(history, bert, "t2")
    with pytest.raises(NotAllowed):
        await history.update_thread("t1", user_id=bert.id)
    with pytest.raises(NotAllowed):
        await history.create_step(step("t2", 9, id="t1-step-3", output="gefälscht"))
    with pytest.raises(NotAllowed):
        await history.create_element(
            CustomElement(thread_id="t2", id="t1-card", name="Sources", props={}, for_id="t2-3")
        )
    thread = await history.get_thread("t1")
    assert thread is not None
    assert thread["userIdentifier"] == "anna"
    assert thread["steps"][2]["output"] == "Antwort 3"
    assert (thread["elements"] or [])[0]["props"] == PROPS


async def test_chainlits_own_check_of_the_author(
    history: History, anna: PersistedUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await conversation(history, anna)
    monkeypatch.setattr("chainlit.data.acl.get_data_layer", lambda: history)
    assert await is_thread_author("anna", "t1") is True
    with pytest.raises(Exception, match="Unauthorized") as refused:
        await is_thread_author("bert", "t1")
    assert refused.value.status_code == 401  # type: ignore[attr-defined]
    with pytest.raises(Exception, match="not found") as missing:
        await is_thread_author("anna", "no such thread")
    assert missing.value.status_code == 404  # type: ignore[attr-defined]


async def test_the_sidebar_pages_through_ones_own(history: History, anna: PersistedUser) -> None:
    bert = await user(history, "bert")
    for number in range(5):
        thread = f"a{number}"
        await history.update_thread(thread, name=f"Frage {number}", user_id=anna.id)
        await history.create_step(step(thread, createdAt=f"2026-11-2{number}T12:00:00Z"))
    await conversation(history, bert, "b")
    seen: list[str] = []
    cursor = None
    while True:
        page = await history.list_threads(
            Pagination(first=2, cursor=cursor), ThreadFilter(userId=anna.id)
        )
        seen += [thread["id"] for thread in page.data]
        assert all(thread["steps"] == [] for thread in page.data)
        if not page.pageInfo.hasNextPage:
            break
        cursor = page.pageInfo.endCursor
    assert seen == ["a4", "a3", "a2", "a1", "a0"]
    assert cursor == "a1"
    with pytest.raises(ValueError, match="userId"):
        await history.list_threads(Pagination(first=2), ThreadFilter())


async def test_the_sidebar_is_bounded_and_searches(history: History, anna: PersistedUser) -> None:
    for number in range(60):
        await history.update_thread(f"t{number}", name=f"Frage {number}", user_id=anna.id)
    await history.create_step(step("t7", output="Das Drehmoment ist 25 Nm"))
    mine = ThreadFilter(userId=anna.id)
    everything = await history.list_threads(Pagination(first=10_000), mine)
    assert len(everything.data) == 50
    assert everything.pageInfo.hasNextPage

    async def found(**wanted: Any) -> list[str]:
        filters = ThreadFilter(userId=anna.id, **wanted)
        page = await history.list_threads(Pagination(first=20), filters)
        return [thread["id"] for thread in page.data]

    assert await found(search="drehmoment") == ["t7"]
    assert await found(search="Frage 33") == ["t33"]
    await history.update_thread("t8", name="Ölstand zu niedrig")
    assert await found(search="ölstand ZU") == ["t8"]
    assert await found(search="Ölstand") == ["t8"]
    assert await found(search="' OR 1=1 --") == []
    assert await found(feedback=0) == []
    await history.upsert_feedback(Feedback(forId="t7-step-1", value=0))
    assert await found(feedback=0) == ["t7"]
    assert await found(feedback=1) == []


async def test_a_rating_is_shown_changed_and_taken_back(
    history: History, anna: PersistedUser
) -> None:
    async def shown() -> Any:
        thread = await history.get_thread("t1")
        assert thread is not None
        return thread["steps"][1]["feedback"]

    await conversation(history, anna)
    assert await shown() is None
    rating = await history.upsert_feedback(
        Feedback(forId="t1-step-2", value=0, comment="falsch", id="made up by the browser")
    )
    assert rating == "t1-step-2"
    assert ((await shown())["value"], (await shown())["comment"]) == (0, "falsch")
    await history.upsert_feedback(Feedback(forId="t1-step-2", value=1))
    assert ((await shown())["value"], (await shown())["comment"]) == (1, None)
    await history.delete_feedback(rating)
    assert await shown() is None


async def test_a_rating_may_come_before_its_step_is_written(
    history: History, anna: PersistedUser
) -> None:
    await history.upsert_feedback(Feedback(forId="t1-step-2", value=1))
    await conversation(history, anna)
    thread = await history.get_thread("t1")
    assert thread is not None
    assert thread["steps"][1]["feedback"]["value"] == 1


async def test_first_log_ins_at_the_same_moment_make_one_user(history: History) -> None:
    made = await asyncio.gather(*(user(history, "ben") for _ in range(8)))
    assert len({one.id for one in made}) == 1


async def test_files_are_kept_in_the_folder_and_given_to_their_owner(
    history: History, anna: PersistedUser, tmp_path: Path
) -> None:
    await conversation(history, anna)
    source = tmp_path / "report.pdf"
    source.write_bytes(b"%PDF-1.7 report")
    await history.create_element(
        File(thread_id="t1", id="f1", name="../../x.pdf", path=str(source), for_id="t1-step-3")
    )
    await history.create_element(
        Text(thread_id="t1", id="f2", name="note", content="Öl prüfen", for_id="t1-step-3")
    )
    thread = await history.get_thread("t1")
    assert thread is not None
    urls = {element["id"]: element["url"] for element in thread["elements"] or []}
    assert urls == {"t1-card": None, "f1": "/elements/t1/f1", "f2": "/elements/t1/f2"}
    assert (await history.element_file("t1", "f1", "anna")).read_bytes() == b"%PDF-1.7 report"
    assert (await history.element_file("t1", "f2", "anna")).read_text("utf-8") == "Öl prüfen"
    for thread_id, element_id, who in [
        ("t1", "f1", "bert"),
        ("t1", "no such file", "anna"),
        ("t1", "t1-card", "anna"),
        ("no such thread", "f1", "anna"),
    ]:
        with pytest.raises(NotAllowed):
            await history.element_file(thread_id, element_id, who)
    with pytest.raises(ValueError, match="not a key"):
        history.files.path("../auth_secret")


async def test_deleting_a_conversation_leaves_nothing_of_it(
    history: History, anna: PersistedUser, tmp_path: Path
) -> None:
    await conversation(history, anna)
    await conversation(history, anna, "t2")
    await history.create_element(
        Text(thread_id="t1", id="f1", name="note", content="Öl", for_id="t1-step-3")
    )
    await history.upsert_feedback(Feedback(forId="t1-step-2", value=0))
    await history.delete_thread("t1")
    assert await history.get_thread("t1") is None
    assert await history.get_thread_author("t1") == ""
    for table in ("steps", "elements", "feedbacks"):
        left = await history.execute_sql(
            f'SELECT * FROM {table} WHERE "threadId" = :id', {"id": "t1"}
        )
        assert left == []
    assert [path for path in (tmp_path / "elements").rglob("*") if path.is_file()] == []
    other = await history.get_thread("t2")
    assert other is not None
    assert len(other["steps"]) == 3


async def test_what_fails_is_said_without_what_people_wrote(
    history: History, anna: PersistedUser, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(SQLAlchemyError) as failed:
        await history.execute_sql(
            "INSERT INTO no_such_table VALUES (:secret)", {"secret": "Annas Frage"}
        )
    assert "no_such_table" in caplog.text
    assert "Annas Frage" not in caplog.text
    assert "Annas Frage" not in str(failed.value)


async def test_many_writes_at_once_and_the_last_version_stays(
    history: History, anna: PersistedUser
) -> None:
    await history.update_thread("t1", name="Frage", user_id=anna.id)
    versions = [step("t1", n, output=f"{n}, {v}") for v in range(10) for n in range(1, 11)]
    await asyncio.gather(*(history.create_step(version) for version in versions))
    thread = await history.get_thread("t1")
    assert thread is not None
    assert [each["output"] for each in thread["steps"]] == [f"{n}, 9" for n in range(1, 11)]
