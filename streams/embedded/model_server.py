"""How the model server is started, and when it is ready."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

import httpx

import streams
from streams.embedded.models import MODELS, require_libraries
from streams.embedded.ports import HOST
from streams.embedded.supervisor import Service

ANSWER_S = 1.0


def model_service(port: int) -> Service:
    """The model server on `port` of the loopback.

    Raises Misconfigured, with the command that installs it, where a library or a model is missing.
    """
    require_libraries()
    for model in MODELS:
        model.paths()
    command = (sys.executable, "-m", "streams.embedded.server", "--host", HOST, "--port", str(port))
    return Service("models", command, partial(answers, model_url(port)), env=_with_this_package())


def model_url(port: int) -> str:
    """Its address, as Ollama's is given."""
    return f"http://{HOST}:{port}"


async def answers(url: str) -> bool:
    """Whether an Ollama, or what speaks like one, answers at `url`."""
    try:
        # No proxy can reach this machine's own loopback.
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_S) as http:
            return (await http.get(f"{url}/api/version")).is_success
    except httpx.HTTPError:
        return False


def _with_this_package() -> dict[str, str]:
    # The package that runs is the one to start, also from a checkout that is not installed.
    path = [str(Path(streams.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path))}
