"""What is counted is fed, and what is drawn and watched is counted under these labels."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Engine

from rag.api import gauges
from rag.observe import metrics
from rag.observe.ledger import Ledger
from rag.observe.tracing import Tracer
from rag.settings import Settings
from rag.store.lru import ByteCache
from rag.types import Stage
from tests.observe.conftest import ANNA, MakeAnswer, record
from tests.served import PROJECT

MODULES = (metrics, gauges)
FIGURES = {
    one._name: one
    for module in MODULES
    for one in vars(module).values()
    if isinstance(one, Counter | Gauge | Histogram)
}


def sources() -> str:
    """The product's code without the lines that define a figure."""
    files = [*(PROJECT / "rag").rglob("*.py"), PROJECT / "chainlit_app.py"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return re.sub(r"^(def )?[A-Z_a-z]+(?= = (Counter|Gauge|Histogram)\(|\()", "", text, flags=re.M)


def value(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize("module", MODULES, ids=lambda module: Path(module.__file__).name)
def test_every_figure_and_every_counting_function_is_used(module: object) -> None:
    text = sources()
    own = [
        name
        for name, one in vars(module).items()
        if (not name.startswith("_") and getattr(one, "__module__", "") == module.__name__)
        or isinstance(one, Counter | Gauge | Histogram)
    ]
    assert len(own) > 10
    assert [name for name in own if not re.search(rf"\b{name}\b(?! =)", text)] == []


def test_dashboard_and_alerts_ask_for_labels_that_there_are() -> None:
    dashboard = json.loads((PROJECT / "deploy/grafana/millwright.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    alerts = (PROJECT / "deploy/prometheus/alerts.yaml").read_text()
    asked += re.findall(r"^ +expr: (.+)$", alerts, re.MULTILINE)
    assert len(asked) > 30
    for text in asked:
        grouped = re.search(r"by \((.*?)\)", text)
        for name, selected in re.findall(r"\b(millwright_\w+)(?:\{(.*?)\})?", text):
            labels = set(re.findall(r"(\w+)(?:=|!=|=~)\"", selected))
            labels |= set(grouped[1].split(", ") if grouped else ()) - {"le"}
            figure = FIGURES[re.sub(r"_(bucket|total)$", "", name)]
            assert labels <= set(figure._labelnames), text


def test_look_ups_are_counted_by_cache_and_result() -> None:
    cache = ByteCache(10_000, ttl_s=60, on_lookup=metrics.lookups_of("a test"))
    cache.get("question")
    cache.put("question", b"answer")
    cache.get("question")
    cache.get("question")
    name = "millwright_cache_lookups_total"
    assert value(name, cache="a test", result="miss") == 1
    assert value(name, cache="a test", result="hit") == 2


def test_no_stage_takes_less_than_nothing_when_the_clock_is_set_back() -> None:
    assert Stage("fused", 2_000_000_000, 1_000_000_000).ms == 0.0


def test_a_rating_is_counted_whichever_door_it_came_by(
    settings: Settings, engine: Engine, make_answer: MakeAnswer
) -> None:
    tracer = Tracer(settings.model_copy(update={"tracing": False}), Ledger(engine))
    answer = make_answer()
    record(tracer, answer)
    before = value("millwright_ratings_total", value="down")
    tracer.rate(answer.id, 0, pseudonym=ANNA)
    tracer.close()
    assert value("millwright_ratings_total", value="down") == before + 1
