"""Licences that may not be used are refused, and an audit that asked nobody is no success."""

from __future__ import annotations

import pytest

from evals.audit import verdict
from evals.licences import LISTS, licences, problem_of


@pytest.mark.parametrize(
    "licence",
    [
        "MIT",
        "Apache-2.0 OR BSD-3-Clause",
        "GPL-2.0-only OR MPL-1.1",
        "MPL-2.0 AND (Apache-2.0 OR MIT)",
        "GNU General Public License v2 or later (GPLv2+); Mozilla Public License 1.1 (MPL 1.1)",
    ],
)
def test_what_may_be_used(licence: str) -> None:
    assert problem_of(licence) == ""


@pytest.mark.parametrize(
    "licence",
    [
        "AGPL-3.0-only",
        "GNU Affero General Public License v3",
        "MIT AND AGPL-3.0-or-later",
        "GPL-3.0-or-later",
        "CC-BY-NC-4.0",
        "SSPL-1.0",
        "Some Company's own terms",
        "",
    ],
)
def test_what_may_not(licence: str) -> None:
    assert problem_of(licence)


def test_everything_that_is_installed_may_be_used() -> None:
    found = licences(*LISTS)
    assert len(found) > 150
    assert [one for one in found if one.problem] == []


def test_an_audit_that_could_not_ask_says_so() -> None:
    skipped = {"name": "a", "skip_reason": "not found"}
    clean = {"name": "b", "version": "1", "vulns": []}
    hole = {"id": "CVE-1", "fix_versions": ["2"]}
    holed = {"name": "c", "version": "1", "vulns": [hole]}
    assert verdict([clean])[0] == 0
    assert verdict([clean, skipped])[0] == 2
    code, lines = verdict([clean, skipped, holed])
    assert code == 1
    assert lines == ["c 1: CVE-1, fixed in 2"]
