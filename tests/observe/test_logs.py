"""The log as a process of its own writes it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR) [\w.]+: .+")


def log_of(script: str, level: str = "INFO") -> list[str]:
    program = f"""
import logging, warnings
from rag.observe.logs import set_up_logs
from rag.settings import Settings
set_up_logs(Settings())
{script}
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"LOG_LEVEL": level, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_every_record_is_one_line() -> None:
    lines = log_of(
        "log = logging.getLogger('rag.test')\n"
        "log.info('first\\n2026-01-01 ERROR rag: forged')\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    log.exception('it failed')\n"
        "warnings.warn('old')\n"
    )
    assert len(lines) == 3
    assert all(LINE.fullmatch(line) for line in lines)
    assert "first ⏎ 2026-01-01 ERROR rag: forged" in lines[0]
    assert "ZeroDivisionError: division by zero" in lines[1]


@pytest.mark.parametrize(("level", "expected"), [("DEBUG", 4), ("WARNING", 2), ("ERROR", 1)])
def test_the_level_is_for_our_own_records(level: str, expected: int) -> None:
    lines = log_of(
        "for name in ('rag.test', 'httpx', 'aiosqlite', 'somebody'):\n"
        "    log = logging.getLogger(name)\n"
        "    log.debug('what was asked'); log.info('what was asked')\n"
        "logging.getLogger('rag.test').warning('w'); logging.getLogger('rag.test').error('e')\n",
        level,
    )
    assert len(lines) == expected
    assert all(" rag.test: " in line for line in lines)


def test_setting_up_again_does_not_double_the_lines() -> None:
    lines = log_of("set_up_logs(Settings())\nlogging.getLogger('rag').info('once')")
    assert len(lines) == 1
