"""``python -m evals.sbom OUT``: what the service is made of, as CycloneDX JSON.

The packages of ``requirements.txt`` as they are installed, by cyclonedx-bom, and the models of the
catalogue that are prepared here, with their licences and checksums. Takes some 30 s.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from evals.licences import folded, required
from rag.models.catalogue import MODELS
from rag.settings import Settings


def sbom(models_dir: Path) -> dict[str, Any]:
    """The whole document."""
    command = ["cyclonedx_py", "environment", sys.executable, "--of", "JSON", "-o", "-"]
    written = subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
    document: dict[str, Any] = json.loads(written.stdout)
    serving = required("requirements.txt")
    packages = [one for one in document["components"] if folded(one["name"]) in serving]
    document["components"] = packages + models(models_dir)
    kept = {one["bom-ref"] for one in document["components"]}
    document["dependencies"] = [
        {**one, "dependsOn": [ref for ref in one.get("dependsOn", ()) if ref in kept]}
        for one in document.get("dependencies", ())
        if one["ref"] in kept
    ]
    return document


def models(folder: Path) -> list[dict[str, Any]]:
    """The prepared models as components."""
    found = []
    for model in MODELS:
        files = sorted(folder.glob(f"{model.slug}/**/*.onnx"))
        if files:
            digest = hashlib.sha256(files[0].read_bytes()).hexdigest()
            found.append(
                {
                    "type": "machine-learning-model",
                    "bom-ref": f"model:{model.slug}",
                    "name": model.name,
                    "licenses": [{"license": {"id": model.licence}}],
                    "hashes": [{"alg": "SHA-256", "content": digest}],
                }
            )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    document = sbom(Settings().models_dir)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(document, indent=1))
    print(f"{arguments.out}: {len(document['components'])} packages and models")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
