"""What `up` brings along, and what of the user's it uses."""

from streams.cli.processes.up import Embedded
from streams.settings import Settings


def own(**given):
    return Embedded.of(Settings(_env_file=None, **given))


def test_what_the_settings_name_is_used_instead():
    assert own(kafka_bootstrap_servers="kafka:9092").broker is False
    assert own(ollama_url="http://ollama:11434").models is False
    assert own(weaviate_url="http://weaviate:8080").store is False


def test_weaviate_that_is_asked_for_by_name_is_not_replaced_by_sqlite():
    assert own(store="weaviate").store is False
    assert own().store is True
