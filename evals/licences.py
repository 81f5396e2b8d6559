"""``python -m evals.licences``: the licences of all packages and models, and what may not be.

Exits with 1 when something that serves, checks or is measured with is under the AGPL, another
licence that a plant's product could not live with, a non-commercial one, or none that is known.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from rag.models.catalogue import MODELS

PROJECT = Path(__file__).resolve().parents[1]
LISTS = ("requirements.txt", "requirements-dev.txt")
# What may be used in a product; the MPL and the LGPL as long as their files are left unchanged.
GOOD = re.compile(
    r"\b(MIT|Apache|BSD|0BSD|ISC|PSF|Python Software Foundation|MPL|Mozilla Public|Zlib|zlib|CC0|"
    r"Unlicense|HPND|LGPL|Lesser General Public|Public Domain)"
)
BAD = re.compile(
    r"AGPL|Affero|SSPL|Server Side Public|BUSL|Business Source|Elastic License|Non-?Commercial|"
    r"CC-BY-NC|\bNC\b|Proprietary|Commons Clause",
    re.IGNORECASE,
)
COPYLEFT = re.compile(r"\bGPL|GNU General Public")
# Packages whose own description names no licence, with the place where it stands.
KNOWN = {
    "axe-playwright-python": "MIT (LICENSE in its package)",
    "py-rust-stemmers": "MIT (LICENSE in its package)",
}


@dataclass(frozen=True, slots=True)
class Licensed:
    """One package or model. ``problem`` is empty when it may be used."""

    name: str
    version: str
    licence: str
    problem: str


def problem_of(licence: str) -> str:
    """Why something under ``licence`` (an SPDX expression or names joined by ";") may not be used.

    "A OR B" and several names are a choice; "A AND B" is both.
    """
    if not licence:
        return "no licence is known"
    choices = re.split(r"\s+OR\s+|;|\s/\s", licence.replace("(", " ").replace(")", " "))
    verdicts = [_problem_of_all(choice.split(" AND ")) for choice in choices]
    return min(verdicts, key=bool)


def _problem_of_all(parts: list[str]) -> str:
    for part in parts:
        if BAD.search(part):
            return f"{part.strip()}: not for a product"
        if COPYLEFT.search(part) and not GOOD.search(part):
            return f"{part.strip()}: copyleft"
        if not GOOD.search(part):
            return f"{part.strip()[:60]}: not among the licences that were looked at"
    return ""


def licence_of(package: importlib.metadata.Distribution) -> str:
    """What the package says of itself: expression, else classifiers, else the first line."""
    about = package.metadata
    if expression := about.get("License-Expression"):
        return str(expression)
    classifiers = [
        one.split("::")[-1].strip()
        for one in about.get_all("Classifier") or ()
        if one.startswith("License") and not one.endswith("OSI Approved")
    ]
    told = str(about.get("License") or "").strip().splitlines()
    return "; ".join(classifiers) or (told[0] if told else KNOWN.get(folded(package.name), ""))


def folded(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required(*lists: str) -> set[str]:
    """The names that the compiled lists hold."""
    text = "\n".join((PROJECT / one).read_text(encoding="utf-8") for one in lists)
    return {folded(name) for name in re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==", text, re.MULTILINE)}


def licences(*lists: str) -> list[Licensed]:
    """Every installed package of ``lists``, and every model of the catalogue."""
    names = required(*lists)
    found = []
    for package in importlib.metadata.distributions():
        if folded(package.name) in names:
            licence = licence_of(package)
            found.append(Licensed(package.name, package.version, licence, problem_of(licence)))
    for model in MODELS:
        found.append(Licensed(model.name, "model", model.licence, problem_of(model.licence)))
    return sorted(set(found), key=lambda one: one.name.lower())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="OUT")
    arguments = parser.parse_args()
    found = licences(*LISTS)
    for one in found:
        print(f"{one.name:<48} {one.version:<14} {one.licence[:70]}")
    wrong = [one for one in found if one.problem]
    for one in wrong:
        print(f"REFUSED {one.name}: {one.problem}")
    print(f"{len(found)} packages and models, {len(wrong)} refused")
    if arguments.json:
        rows = [asdict(one) for one in found]
        arguments.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False))
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
