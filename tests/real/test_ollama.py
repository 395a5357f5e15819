import pytest

from tests.contract.ollama_suite import OllamaSuite


@pytest.fixture
def url(ollama):
    return ollama


class TestRealOllama(OllamaSuite):
    pass
