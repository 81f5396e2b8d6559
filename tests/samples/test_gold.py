"""The gold set is true, and its checker notices when it is not."""

from __future__ import annotations

import pytest

from evals.gold import check


def row(identifier: str) -> check.Row:
    """A question of the gold set, to be spoilt."""
    return next(r for r in check.read_rows(check.QUESTIONS_FILE) if r["id"] == identifier)


def test_the_gold_set_has_no_problems() -> None:
    assert check.problems() == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"pages": [1]}, "none of its pages"),
        ({"pages": [9999]}, "missing or empty"),
        ({"must_contain": "4711 Nm"}, "must_contain"),
        ({"passage": "Das steht nirgends."}, "passage"),
        ({"question": "Ölfilter von Hand aufschrauben, bis die Dichtung anliegt?"}, "copies"),
        ({"difficulty": "hard"}, "unknown"),
        ({"manuals": []}, "has no manual"),
    ],
)
def test_a_spoilt_question_is_noticed(change: check.Row, problem: str) -> None:
    spoilt = row("de-parts-01") | change
    if "question" in change:
        spoilt["passage"] = (
            "Ölfilter von Hand aufschrauben, bis die Dichtung anliegt, und mit 25 Nm festziehen."
        )
    found = check.problems_of_question(spoilt, check.page_texts())
    assert any(problem in text for text in found)


def test_a_notice_at_another_place_is_noticed() -> None:
    place = check.read_rows(check.NOTICES_FILE)[0]
    assert check.problems_of_notice(place, check.page_texts()) == []
    assert check.problems_of_notice(place | {"pages": [40]}, check.page_texts())
    changed = place | {"notices": [place["notices"][0].replace("!", ".", 1)]}
    assert check.problems_of_notice(changed, check.page_texts())


def test_shares_that_do_not_hold_are_noticed() -> None:
    rows = check.read_rows(check.QUESTIONS_FILE)
    assert check.problems_of_shares(rows) == []
    german = [r for r in rows if r["language"] == "de"]
    assert any("German" in text for text in check.problems_of_shares(german))
    assert any("only" in text for text in check.problems_of_shares(rows[:60]))
